import { Header, Pack, ReadEntry } from "tar";
import { writeSecret } from "../../src/shared/secure-file.ts";

export interface Archive {
  /** The one folder that everything in it lies in. */
  readonly folder: string;
  /** Of everything in it, so that the same content gives the same bytes. */
  readonly mtimeMs: number;
  readonly entries: readonly { readonly name: string; readonly text: string }[];
}

/** Writes the archive as `.tar.gz`, 0600 and as a whole, through no link. Throws as {@link writeSecret}. */
export async function writeArchive(rootDir: string, file: string, archive: Archive): Promise<void> {
  await writeSecret(rootDir, file, await packed(archive));
}

/** Its bytes: nothing of this machine and account is in them but the texts. */
export async function packed({ folder, mtimeMs, entries }: Archive): Promise<Buffer> {
  const mtime = new Date(mtimeMs);
  const pack = new Pack({ gzip: { portable: true } });
  pack.add(new ReadEntry(new Header({ path: `${folder}/`, type: "Directory", mode: 0o700, size: 0, mtime })).end());
  for (const { name, text } of entries) {
    const bytes = Buffer.from(text, "utf8");
    const header = new Header({ path: `${folder}/${name}`, type: "File", mode: 0o600, size: bytes.length, mtime });
    pack.add(new ReadEntry(header).end(bytes));
  }
  pack.end();
  return pack.concat();
}
