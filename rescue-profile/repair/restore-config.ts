import { lstatSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { RescueError } from "../../src/shared/errors.ts";
import { parseConfig } from "../../src/shared/gateway-config.ts";
import { changesBetween, type KeyChange } from "./key-changes.ts";
import { nameChanges, renderChange } from "./masked-diff.ts";
import { type Copy, contentIn, DOWN_MS, type Mending, nameMaintenance, type SavedFiles, waitUntilDown, waitUntilQuiet } from "./mending.ts";
import type { PlannedStep, StepOutcome } from "./plan.ts";
import { VALIDATE_MS, validateConfig } from "./validation.ts";

const QUIET_MS = 20_000;

/**
 * Puts the newest kept copy that the host finds valid in the place of the configuration. What lay there is saved first, in the folder and
 * beside the configuration, and comes back when no copy is valid. A run that goes on after a kill knows by what was saved how far it was.
 */
export async function restoreConfig(step: Extract<PlannedStep, { name: "restore-config" }>, ports: Mending): Promise<StepOutcome> {
  const until = ports.monotonicMs() + step.deadlineMs;
  if (lstatSync(ports.configPath, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return { outcome: "aborted", detail: `${ports.configPath} is a symbolic link: whoever made it must mend what it points to` };
  }
  const running = await waitUntilQuiet(ports, QUIET_MS);
  if (running.length > 0) return { outcome: "aborted", detail: `the host is at work: ${nameMaintenance(running)}` };
  const place = join(ports.folder, "broken");
  const known = ports.saved(place);
  if (known === undefined && ports.windUp) {
    return { outcome: "aborted", detail: "nothing had been changed yet, and the repair is not gone on with" };
  }
  // What was begun is brought to an end in any case: the file that lies there may be a copy that nobody has looked at.
  if (known === undefined && (await ports.serves())) return { outcome: "aborted", detail: "the gateway serves again" };
  const copies = inOrder(candidates(ports, known), step.bootedFirst);
  if (known !== undefined && !isOurs(known, copies, ports)) {
    return { outcome: "aborted", detail: "somebody else has changed the configuration since; it was left alone" };
  }
  const done = known === undefined ? undefined : copies.find((copy) => copy.fingerprint === ports.config().fingerprint);
  // What cannot even be read through needs no second opinion.
  const readable = ports.config().state === "there";
  if (step.unlessValid && readable && done === undefined && (await validateConfig(ports.host)).valid) {
    return { outcome: "done", detail: "the host finds the configuration valid: nothing to restore", idle: true };
  }
  if (step.unlessValid && known === undefined && ports.copies()[0]?.fingerprint === ports.config().fingerprint) {
    return { outcome: "aborted", detail: "it served with just this configuration: something else has changed" };
  }
  if (copies.length === 0) return { outcome: "failed", detail: "no copy was kept that differs from what lies there" };
  if (known === undefined && !(await waitUntilDown(ports, DOWN_MS)))
    return { outcome: "aborted", detail: "the gateway has been started again, and lives" };

  ports.stillOurs();
  const broken = known ?? ports.save(place, touched(ports, copies));
  keepBeside(broken, ports);
  let restored: Copy | undefined;
  const tried: Copy[] = [];
  try {
    restored = await firstValid(copies, until, tried, ports, { readable, untouched: () => isOurs(broken, copies, ports) });
  } finally {
    // Also when the host did not answer: a copy that was not validated must not stay.
    if (restored === undefined && isOurs(broken, copies, ports)) putBack(broken, tried, ports);
  }
  if (!isOurs(broken, copies, ports))
    return { outcome: "aborted", detail: `somebody else changed ${ports.configPath} meanwhile; it was left as it is` };
  if (restored !== undefined) return { outcome: "done", detail: report(broken, restored, ports) };
  const all = tried.length === copies.length ? `none of the ${tried.length}` : `none of the newest ${tried.length} of ${copies.length}`;
  return { outcome: "failed", detail: `${all} kept copies is valid for this host; what lay there was put back` };
}

function inOrder(copies: readonly Copy[], bootedFirst: boolean): readonly Copy[] {
  if (!bootedFirst) return copies;
  return [...copies.filter(({ proof }) => proof === "booted"), ...copies.filter(({ proof }) => proof !== "booted")];
}

/** Kept copies of this very file that differ from what was broken, newest first: also for a later run the same ones. */
function candidates(ports: Mending, known: SavedFiles | undefined): readonly Copy[] {
  const copies = ports.copies().filter(({ files }) => files.some(({ path }) => path === ports.configPath));
  if (known === undefined) {
    const { fingerprint } = ports.config();
    return copies.filter((copy) => copy.fingerprint !== fingerprint);
  }
  return copies.filter(({ files }) => files.some((file) => hashIn(known, file.path) !== file.sha256));
}

/** Is what lies there what was broken, or one of the copies? */
function isOurs(known: SavedFiles, copies: readonly Copy[], ports: Mending): boolean {
  const now = lstatSync(ports.configPath, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(ports.configPath);
  return [known, ...copies].some((saved) => {
    const then = contentIn(saved, ports.configPath);
    return now === undefined ? then === undefined : then?.equals(now) === true;
  });
}

function touched(ports: Mending, copies: readonly Copy[]): readonly string[] {
  const included = copies.flatMap(({ files }) => files.map(({ path }) => path)).filter((path) => path !== ports.configPath);
  return [...new Set([...included, ...ports.config().files.filter((path) => path !== ports.configPath)]), ports.configPath];
}

/** Also where a person looks first. Its stamp is when it was saved, so that a later run writes the same name. */
function keepBeside(broken: SavedFiles, ports: Mending): void {
  const bytes = contentIn(broken, ports.configPath);
  if (bytes === undefined) return;
  const stamp = new Date(broken.takenWallMs).toISOString().replaceAll(/[:.]/g, "-");
  for (const place of [join(ports.folder, "openclaw.json.broken"), `${ports.configPath}.broken-${stamp}`]) {
    if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) continue;
    ports.stillOurs();
    ports.write(place, bytes, 0o600);
  }
}

async function firstValid(
  copies: readonly Copy[],
  until: number,
  tried: Copy[],
  ports: Mending,
  { readable, untouched }: { readonly readable: boolean; readonly untouched: () => boolean },
): Promise<Copy | undefined> {
  for (const copy of copies) {
    if (until - ports.monotonicMs() < VALIDATE_MS || !untouched()) return undefined;
    ports.stillOurs();
    tried.push(copy);
    ports.restore(copy);
    if (await isValid(copy, readable, ports)) return copy;
  }
  return undefined;
}

/** A host that does not answer on a starved machine is no reason to put back what cannot even be read, when a gateway has booted from the copy. */
async function isValid(copy: Copy, readable: boolean, ports: Mending): Promise<boolean> {
  try {
    return (await validateConfig(ports.host)).valid;
  } catch (error) {
    if (readable || copy.proof !== "booted" || !(error instanceof RescueError)) throw error;
    return true;
  }
}

function putBack(broken: SavedFiles, tried: readonly Copy[], ports: Mending): void {
  ports.stillOurs();
  ports.restore(broken);
  for (const path of broken.absent) {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) continue;
    if (!tried.some(({ files }) => files.some((file) => file.path === path))) continue;
    ports.stillOurs();
    ports.move(path, join(ports.folder, `not-valid-${basename(path)}`));
  }
}

/** Writes config.diff.txt and says in one sentence what was done. */
function report(broken: SavedFiles, restored: Copy, ports: Mending): string {
  const parts = restored.files
    .filter(({ path, sha256 }) => hashIn(broken, path) !== sha256)
    .map((file) => ({ path: file.path, ...compare(file.path, contentIn(broken, file.path), file.content()) }));
  const text = parts.map(
    ({ path, why, changes }) => `${path}\n${[...why, ...changes.map(renderChange)].map((line) => `  ${line}\n`).join("")}`,
  );
  ports.stillOurs();
  ports.write(join(ports.folder, "config.diff.txt"), Buffer.from(text.join("")), 0o600);
  const short = parts.map(({ path, why, changes }) => {
    const what = why[0] ?? nameChanges(changes);
    return path === ports.configPath ? what : `in ${basename(path)}: ${what}`;
  });
  const when = `${new Date(restored.takenWallMs).toISOString().slice(0, 16)}Z`;
  const proof = restored.proof === "booted" ? "that served" : "that the host had found valid";
  return `restored the copy of ${when} ${proof}; ${short.join("; ")}; undo: ${broken.directory}`;
}

function compare(path: string, before: Buffer | undefined, after: Buffer): { why: readonly string[]; changes: readonly KeyChange[] } {
  if (before === undefined) return { why: ["there was no file"], changes: [] };
  try {
    return { why: [], changes: changesBetween(parseConfig(path, before.toString("utf8")), parseConfig(path, after.toString("utf8"))) };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    return { why: ["what lay there could not be parsed"], changes: [] };
  }
}

function hashIn(saved: SavedFiles, path: string): string | undefined {
  return saved.files.find((file) => file.path === path)?.sha256;
}
