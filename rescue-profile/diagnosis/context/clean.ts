import { stripVTControlCharacters } from "node:util";

/**
 * What is invisible or changes how its neighbours are shown, but for tab and newline: control characters, bidi marks and overrides, zero-width characters, variation selectors, the
 * tag letters, which carry hidden text (U+E0000 to U+E007F), and halves of pairs. Private-use letters too, which we need ourselves.
 */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Text as a person would see it: no escape sequences, nothing invisible, every line end a newline, tabs as they are. */
export function seenText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?|[\u0085\u2028\u2029\v\f]/g, "\n")
    .replaceAll(UNSEEN, "");
}

/** Words by which chat templates and transcripts say that somebody else speaks now, or that the data has ended. Each gets a dot inside, which leaves it readable. */
const MARKS: readonly RegExp[] = [
  // <|im_start|>, <|eot_id|>, <|endoftext|>; with one letter inside it is no token any more.
  /<(?=[|｜])/g,
  // <system>, </log>, <tool_call>, <function_calls>, <think>: any tag of letters.
  /<(?=\/?[a-z][\w:-]*[\s/>])/gi,
  // [INST], [/INST], <<SYS>>
  /\[(?=\/?(?:INST|SYSTEM|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\])/gi,
  /<(?=<|\/?>)/g,
  // Fences, of any length.
  /`(?=``)/g,
  /~(?=~~)/g,
  // Human: … Assistant: … where a line or a sentence begins.
  /(?<=^|[\s"'*#>])(?:human|assistant|user|system|developer|tool|ai)(?=\s*:(?:\s|$))/gi,
  /#(?=##\s)/g,
];
const DOT = "·";

/** A line of somebody else's as data: margin in front, marks of speakers, fences and ends broken up, and nothing in it that is like our boundary. */
export function asData(line: string, boundary: string): string {
  const broken = MARKS.reduce((text, mark) => text.replaceAll(mark, (found) => `${found.slice(0, 1)}${DOT}${found.slice(1)}`), line);
  return `| ${broken.replaceAll(new RegExp(boundary, "gi"), "(boundary)").replaceAll(/DATA-(?=[0-9a-f]{8})/gi, `DATA${DOT}`)}`;
}
