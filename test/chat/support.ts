import type { TalkPorts } from "../../rescue-profile/chat/talk.ts";

const refuse = () => {
  throw new Error("not asked in this test");
};

/** Nothing was proposed, and no button of an alert is known. */
export const NOTHING_PROPOSED: Pick<TalkPorts, "proposal" | "answered" | "answer" | "report"> = {
  proposal: () => undefined,
  answered: () => undefined,
  answer: refuse,
  report: refuse,
};
