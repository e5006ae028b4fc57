// node --import dies.mjs program.mjs keep|restore|save DIR CONFIG
import { restoreFiles, saveFiles } from "../../rescue-profile/copies/entry.ts";
import { keepCopy, listCopies } from "../../rescue-profile/copies/ring.ts";

const [what, dir, config] = process.argv.slice(2);
const [newest] = listCopies(dir).copies;
globalThis.armed = true;
if (what === "keep") keepCopy(dir, config, "validated", 9_000, 2);
if (what === "restore") restoreFiles(newest);
if (what === "save") saveFiles(`${dir}/incident/before`, [config], 9_000);
