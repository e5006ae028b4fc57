import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { readPlace } from "../../rescue-profile/observe/place.ts";
import { tempDir } from "./support.ts";

function profile() {
  const stateDir = path.join(tempDir(), ".openclaw");
  const target = { stateDir, databasePath: path.join(stateDir, "state.sqlite"), configPath: path.join(stateDir, "openclaw.json") };
  mkdirSync(stateDir);
  for (const file of [target.databasePath, target.configPath]) writeFileSync(file, "{}");
  return target;
}

it("what a gateway serves from is the same place until something there is another one, written anew, or gone", async () => {
  const target = profile();
  const first = await readPlace(target);
  writeFileSync(path.join(target.stateDir, "log"), "more");
  writeFileSync(target.databasePath, "a row more");
  expect(await readPlace(target)).toEqual(first);

  const harms: (() => void)[] = [
    () => writeFileSync(target.configPath, "{ broken"),
    () => rmSync(target.configPath),
    () => rmSync(target.databasePath),
    () => renameSync(target.stateDir, `${target.stateDir}.away`),
    () => mkdirSync(target.stateDir),
  ];
  const places = [first];
  for (const harm of harms) {
    harm();
    places.push(await readPlace(target));
  }
  expect(places.every(({ ok }) => ok)).toBe(true);
  expect(new Set(places.map((place) => JSON.stringify(place))).size).toBe(places.length);
});

it("what may not be looked at is not known, and no change", async () => {
  const { stateDir, databasePath } = profile();
  const behindAFile = path.join(databasePath, "openclaw.json");
  expect(await readPlace({ stateDir, databasePath, configPath: behindAFile })).toMatchObject({ ok: false });
});
