/** The words of a command line as systemd reads them (systemd.service(5), systemd.unit(5)), quoted throughout as we write it. */
export function wordsOfUnit(unit: string, key: "ExecStart" | "ExecStartPre"): readonly string[] {
  const lines = unit.split("\n").filter((line) => line.startsWith(`${key}=`));
  const [line = ""] = lines;
  if (lines.length !== 1) throw new Error(`${lines.length} lines of ${key}`);
  const text = line.slice(key.length + 1);
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"( |$)/gsy)];
  if (words.map(([whole]) => whole).join("") !== text) throw new Error(`not quoted throughout: ${text}`);
  return words.map(([, quoted = ""], index) => {
    const unquoted = quoted.replaceAll(/\\(.)/gs, (whole, escaped: string) => {
      if (escaped !== "\\" && escaped !== '"') throw new Error(`not an escape that we write: ${whole}`);
      return escaped;
    });
    if (/%(?!%)/.test(unquoted.replaceAll("%%", ""))) throw new Error(`a specifier: ${unquoted}`);
    const plain = unquoted.replaceAll("%%", "%");
    // The program's path is taken as it stands.
    if (index === 0) return plain;
    if (/\$/.test(plain.replaceAll("$$", ""))) throw new Error(`a variable: ${plain}`);
    return plain.replaceAll("$$", "$");
  });
}
