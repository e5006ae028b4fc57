import type { Reading } from "../../core/model.ts";
import type { Answer, Problem } from "../finding.ts";

/** What follows from one fact: one that could not be looked at is not judged. */
export function judged<T>(reading: Reading<T>, judge: (value: T) => readonly Problem[]): Answer {
  return reading.ok ? { ok: true, value: judge(reading.value) } : reading;
}

/** A problem that was seen stands, whatever else could not be looked at; but where none was, nothing unseen is well. */
export function together(...parts: readonly Answer[]): Answer {
  const problems = parts.flatMap((part) => (part.ok ? part.value : []));
  const blind = parts.find((part) => !part.ok);
  return problems.length === 0 && blind !== undefined ? blind : { ok: true, value: problems };
}
