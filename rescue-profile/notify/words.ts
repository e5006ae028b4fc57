import { formatDuration } from "../../src/shared/duration.ts";
import type { Alert } from "./alert.ts";

/** What the watchdog itself says in an alert; causes and advice are English commands and sentences of the core. */
export interface Words {
  readonly state: Readonly<Record<Alert["state"], string>>;
  readonly repair: (attempt: number, tier: number, subject: string | null, outcome: string | null, note: string | null) => string;
  readonly ended: (outcome: string, tookMs: number) => string;
  readonly more: (incident: number) => string;
  readonly test: string;
}

const about = (subject: string | null) => (subject === null ? "" : ` (${subject})`);
const because = (note: string | null) => (note === null || note === "" ? "" : `: ${note}`);

const EN: Words = {
  state: { "needs-you": "needs you", repairing: "being repaired", recovered: "recovered", over: "over", warning: "warning" },
  repair: (attempt, tier, subject, outcome, note) => {
    const what = `repair ${attempt}, ${tier === 1 ? "a restart" : "a deeper repair"}${about(subject)}`;
    if (outcome === null) return `${what}: under way`;
    return outcome === "done" ? `${what}: done` : `${what}: ${outcome}${because(note)}`;
  },
  ended: (outcome, tookMs) => {
    if (outcome === "stopped-by-operator") return "it was stopped on purpose";
    const how = outcome === "recovered" ? "" : " by itself";
    return `serves again${how}, ${formatDuration(tookMs)} after it was first seen down`;
  },
  more: (incident) => `rescue-watchdog incident ${incident}`,
  test: "This is a test. Alerts of this watchdog arrive here.",
};

const ZH_CN: Words = {
  state: { "needs-you": "需要人工处理", repairing: "正在修复", recovered: "已恢复", over: "已结束", warning: "警告" },
  repair: (attempt, tier, subject, outcome, note) => {
    const what = `第 ${attempt} 次修复，${tier === 1 ? "重启" : "深度修复"}${about(subject)}`;
    if (outcome === null) return `${what}：进行中`;
    return outcome === "done" ? `${what}：完成` : `${what}：${outcome}${because(note)}`;
  },
  ended: (outcome, tookMs) => {
    if (outcome === "stopped-by-operator") return "已被人为停止";
    return `${outcome === "recovered" ? "" : "自行"}恢复服务，距首次发现故障 ${formatDuration(tookMs)}`;
  },
  more: (incident) => `rescue-watchdog incident ${incident}`,
  test: "这是一条测试消息。此看门狗的警报会发送到这里。",
};

const ZH_TW: Words = {
  state: { "needs-you": "需要人工處理", repairing: "正在修復", recovered: "已恢復", over: "已結束", warning: "警告" },
  repair: (attempt, tier, subject, outcome, note) => {
    const what = `第 ${attempt} 次修復，${tier === 1 ? "重新啟動" : "深度修復"}${about(subject)}`;
    if (outcome === null) return `${what}：進行中`;
    return outcome === "done" ? `${what}：完成` : `${what}：${outcome}${because(note)}`;
  },
  ended: (outcome, tookMs) => {
    if (outcome === "stopped-by-operator") return "已被人為停止";
    return `${outcome === "recovered" ? "" : "自行"}恢復服務，距首次發現故障 ${formatDuration(tookMs)}`;
  },
  more: (incident) => `rescue-watchdog incident ${incident}`,
  test: "這是一則測試訊息。此看門狗的警報會傳送到這裡。",
};

/** The locales that the host's own wizard has. */
export const CATALOGUE = { en: EN, "zh-CN": ZH_CN, "zh-TW": ZH_TW } as const satisfies Record<string, Words>;
