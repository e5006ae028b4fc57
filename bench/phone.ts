import { writeFileSync } from "node:fs";

/** One state of a message, `afterS` seconds after the fault. */
export interface Shown {
  readonly afterS: number;
  readonly text: string;
}

const [WIDTH, LINE, PAD, GAP] = [560, 20, 12, 14];
const MOST_LETTERS = 62;

/** Draws what a chat showed, one bubble for each state, as an SVG. */
export function writePhone(file: string, states: readonly Shown[]): void {
  let y = GAP;
  const bubbles = states.map(({ afterS, text }) => {
    const lines = [`${afterS.toFixed(1)} s after the kill`, ...text.split("\n").flatMap(wrapped)];
    const height = lines.length * LINE + 2 * PAD;
    const words = lines.map((line, index) => {
      const look = index === 0 ? 'fill="#6b7280" font-size="12"' : index === 1 ? 'font-weight="600"' : "";
      return `<text x="${GAP + PAD}" y="${y + PAD + 15 + index * LINE}" ${look}>${escaped(line)}</text>`;
    });
    const bubble = `<rect x="${GAP}" y="${y}" width="${WIDTH - 2 * GAP}" height="${height}" rx="12" fill="#fff"/>${words.join("")}`;
    y += height + GAP;
    return bubble;
  });
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="14" fill="#111827">`;
  writeFileSync(file, `${head}<rect width="100%" height="100%" fill="#dbe7d4"/>${bubbles.join("")}</svg>\n`);
}

function wrapped(line: string): readonly string[] {
  return line.length <= MOST_LETTERS ? [line] : (line.match(new RegExp(`.{1,${MOST_LETTERS}}(?:\\s|$)|.{${MOST_LETTERS}}`, "g")) ?? [line]);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
