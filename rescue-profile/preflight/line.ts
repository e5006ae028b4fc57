import type { Failure } from "./judge.ts";

/** In the order in which they are written. */
export type Fields = Readonly<Record<string, string | number>>;

/** The first failure in full; the others only by their reasons, so that it stays one line. */
export function fieldsOf([first, ...others]: readonly [Failure, ...Failure[]]): Fields {
  const also = others.map(({ reason }) => reason).join(",");
  return { reason: first.reason, ...first.facts, detail: first.detail, ...(also === "" ? {} : { also }) };
}

/** One line without its end, for logs and scripts: `PREFLIGHT_FAILED key=value …`. What stands in quotes is a string of JSON. */
export function renderLine(fields: Fields): string {
  return ["PREFLIGHT_FAILED", ...Object.entries(fields).map(([key, value]) => `${key}=${rendered(String(value))}`)].join(" ");
}

/** JSON leaves these as they are, and a reader may take some of them for the end of the line. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029]/g;

function rendered(value: string): string {
  if (/^[A-Za-z0-9._:/-]+$/.test(value)) return value;
  return JSON.stringify(value).replaceAll(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
