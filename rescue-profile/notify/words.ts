import { formatDuration } from "../../src/shared/duration.ts";
import type { ProposalState } from "../core/proposal.ts";
import type { Alert } from "./alert.ts";

/** What the watchdog itself says in an alert; causes and advice are English commands and sentences of the core. */
export interface Words {
  readonly state: Readonly<Record<Alert["state"], string>>;
  /** What was done, about what, and how it ended. */
  readonly repaired: (tier: number, subject: string | null, outcome: string | null, note: string | null) => string;
  /** The same, as one of several. */
  readonly repair: (attempt: number, ...what: Parameters<Words["repaired"]>) => string;
  readonly askedBy: (who: string) => string;
  readonly ended: (outcome: string, tookMs: number) => string;
  /** Where to read more; `needsYou`: all that somebody needs who has to act. */
  readonly more: (incident: number, needsYou: boolean) => string;
  readonly test: string;
  /** `asked`: what became of asking, an English sentence. */
  readonly proposed: (engine: string, asked: string) => string;
  readonly nobodyProposed: (asked: string) => string;
  readonly notAsAWhole: (why: string) => string;
  readonly moreRejected: (count: number) => string;
  readonly approveUntil: (incident: number, until: Date) => string;
  readonly proposalIs: (state: Exclude<ProposalState, "waiting" | "none">, answer: string | null) => string;
  readonly buttons: { readonly approve: string; readonly reject: string };
}

/** What differs between the languages. */
interface Phrases
  extends Pick<Words, "state" | "test" | "askedBy" | "proposed" | "nobodyProposed" | "notAsAWhole" | "moreRejected" | "buttons"> {
  readonly approveUntil: (time: string, command: string) => string;
  readonly proposalIs: Readonly<Record<Exclude<ProposalState, "waiting" | "none">, string>>;
  readonly attempt: (number: number) => string;
  readonly restart: string;
  readonly deeper: string;
  readonly third: string;
  readonly colon: string;
  readonly underWay: string;
  readonly done: string;
  readonly stopped: string;
  readonly servesAgain: (byItself: boolean, took: string) => string;
}

function wordsOf(say: Phrases): Words {
  const repaired: Words["repaired"] = (tier, subject, outcome, note) => {
    const about = subject === null ? "" : ` (${subject})`;
    const because = note === null || note === "" ? "" : `: ${note}`;
    const end = outcome === null ? say.underWay : outcome === "done" ? say.done : `${outcome}${because}`;
    return `${[say.restart, say.deeper][tier - 1] ?? say.third}${about}${say.colon}${end}`;
  };
  return {
    state: say.state,
    repaired,
    repair: (attempt, ...what) => `${say.attempt(attempt)}${repaired(...what)}`,
    askedBy: say.askedBy,
    ended: (outcome, tookMs) =>
      outcome === "stopped-by-operator" ? say.stopped : say.servesAgain(outcome !== "recovered", formatDuration(tookMs)),
    more: (incident, needsYou) =>
      needsYou ? `/report ${incident} · rescue-watchdog incident ${incident} --report` : `rescue-watchdog incident ${incident}`,
    test: say.test,
    proposed: say.proposed,
    nobodyProposed: say.nobodyProposed,
    notAsAWhole: say.notAsAWhole,
    moreRejected: say.moreRejected,
    approveUntil: (incident, until) =>
      say.approveUntil(`${until.toISOString().slice(11, 16)} UTC`, `rescue-watchdog proposal ${incident} --approve`),
    proposalIs: (state, answer) => `${say.proposalIs[state]}${answer === null ? "" : `${say.colon}${answer}`}`,
    buttons: say.buttons,
  };
}

const EN = wordsOf({
  state: { "needs-you": "needs you", repairing: "being repaired", recovered: "recovered", over: "over", warning: "warning" },
  attempt: (number) => `repair ${number}, `,
  askedBy: (who) => `, asked by ${who}`,
  restart: "a restart",
  deeper: "a deeper repair",
  third: "what was proposed",
  colon: ": ",
  underWay: "under way",
  done: "done",
  stopped: "it was stopped on purpose",
  servesAgain: (byItself, took) => `serves again${byItself ? " by itself" : ""}, ${took} after it was first seen down`,
  test: "This is a test. Alerts of this watchdog arrive here.",
  proposed: (engine, asked) => `${engine} proposes (${asked}):`,
  nobodyProposed: (asked) => `an AI was to be asked: ${asked}`,
  notAsAWhole: (why) => `not carried out: ${why}`,
  moreRejected: (count) => `and ${count} more that are rejected`,
  approveUntil: (time, command) => `yours to approve until ${time}, else it is rejected; also by: ${command}`,
  proposalIs: {
    asked: "handed to the watchdog",
    done: "carried out",
    rejected: "not carried out",
    shown: "only shown, as the settings say",
  },
  buttons: { approve: "Approve", reject: "Reject" },
});

const ZH_CN = wordsOf({
  state: { "needs-you": "需要人工处理", repairing: "正在修复", recovered: "已恢复", over: "已结束", warning: "警告" },
  attempt: (number) => `第 ${number} 次修复，`,
  askedBy: (who) => `，由 ${who} 请求`,
  restart: "重启",
  deeper: "深度修复",
  third: "所提议的修复",
  colon: "：",
  underWay: "进行中",
  done: "完成",
  stopped: "已被人为停止",
  servesAgain: (byItself, took) => `${byItself ? "自行" : ""}恢复服务，距首次发现故障 ${took}`,
  test: "这是一条测试消息。此看门狗的警报会发送到这里。",
  proposed: (engine, asked) => `${engine} 提议（${asked}）：`,
  nobodyProposed: (asked) => `询问 AI 的结果：${asked}`,
  notAsAWhole: (why) => `不予执行：${why}`,
  moreRejected: (count) => `另有 ${count} 条被拒绝`,
  approveUntil: (time, command) => `请在 ${time} 前批准，否则将被拒绝；也可运行：${command}`,
  proposalIs: { asked: "已交给看门狗", done: "已执行", rejected: "未执行", shown: "按设置仅展示" },
  buttons: { approve: "批准", reject: "拒绝" },
});

const ZH_TW = wordsOf({
  state: { "needs-you": "需要人工處理", repairing: "正在修復", recovered: "已恢復", over: "已結束", warning: "警告" },
  attempt: (number) => `第 ${number} 次修復，`,
  askedBy: (who) => `，由 ${who} 要求`,
  restart: "重新啟動",
  deeper: "深度修復",
  third: "所提議的修復",
  colon: "：",
  underWay: "進行中",
  done: "完成",
  stopped: "已被人為停止",
  servesAgain: (byItself, took) => `${byItself ? "自行" : ""}恢復服務，距首次發現故障 ${took}`,
  test: "這是一則測試訊息。此看門狗的警報會傳送到這裡。",
  proposed: (engine, asked) => `${engine} 提議（${asked}）：`,
  nobodyProposed: (asked) => `詢問 AI 的結果：${asked}`,
  notAsAWhole: (why) => `不予執行：${why}`,
  moreRejected: (count) => `另有 ${count} 條被拒絕`,
  approveUntil: (time, command) => `請在 ${time} 前批准，否則將被拒絕；也可執行：${command}`,
  proposalIs: { asked: "已交給看門狗", done: "已執行", rejected: "未執行", shown: "依設定僅展示" },
  buttons: { approve: "批准", reject: "拒絕" },
});

/** The locales that the host's own wizard has. */
export const CATALOGUE = { en: EN, "zh-CN": ZH_CN, "zh-TW": ZH_TW } as const satisfies Record<string, Words>;
