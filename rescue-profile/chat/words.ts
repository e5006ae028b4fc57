/** What a chat says by itself; conditions, causes, evidence and the decisions' reasons are English words of the core. Durations come as text. */
export interface ChatWords {
  readonly mayNotAct: string;
  readonly tooMuch: string;
  readonly pressed: Readonly<Record<"used" | "expired" | "foreign" | "unknown", string>>;
  readonly buttons: Readonly<Record<"repair" | "pause" | "resume" | "logs" | "stats" | "change" | "day" | "approve" | "reject", string>>;
  readonly days: (days: number) => string;
  readonly askRepair: string;
  readonly looking: string;
  readonly nothingRepaired: string;
  readonly nothingProposed: string;
  readonly tooLong: (command: string) => string;
  readonly report: string;
  readonly noSetting: (key: string) => string;
  readonly notFromChat: (key: string) => string;
  readonly changed: (key: string, before: string, after: string) => string;
  readonly process: (pid: number, up: string, megabytes: number) => string;
  readonly noProcess: string;
  readonly looked: (ago: string) => string;
  readonly nobodyWatches: string;
  readonly incident: (id: number, cause: string, outcome: string | null, ago: string) => string;
  readonly noIncident: string;
  readonly paused: (by: string, remaining: string | null, reason: string | null) => string;
  readonly nextRepair: (after: string) => string;
  readonly span: (days: number) => string;
  readonly noIncidents: (span: string) => string;
  readonly recovered: (span: string, recovered: number, total: number, percent: number) => string;
  readonly times: (mean: string, worst: string) => string;
  readonly tier: (tier: string, count: number) => string;
  readonly help: string;
}

const EN: ChatWords = {
  mayNotAct: "You may look, but not act: ask an operator.",
  tooMuch: "That is too much at once; I go on in a minute.",
  pressed: {
    used: "This was pressed already.",
    expired: "This is too old: ask again.",
    foreign: "This is somebody else's.",
    unknown: "This is from before a restart: ask again.",
  },
  buttons: {
    repair: "Repair now",
    pause: "Pause",
    resume: "Resume",
    logs: "View logs",
    stats: "Stats",
    change: "Change it",
    day: "24 h",
    approve: "Approve",
    reject: "Reject",
  },
  days: (days) => `${days} d`,
  askRepair: "Repair the gateway now? Waiting times and the hourly number do not count; nothing is done to a gateway that serves.",
  looking: "Looking…",
  nothingRepaired: "Nothing was repaired yet.",
  nothingProposed: "Nothing was proposed.",
  tooLong: (command) => `This is too long to be answered here. All of it: ${command}`,
  report: "The incident on one page, without secrets. The archive lies beside it on the machine.",
  noSetting: (key) => `There is no setting ${key}.`,
  notFromChat: (key) => `${key} is not changed from a chat.`,
  changed: (key, before, after) => `${key} was ${before} and is ${after}; it holds from the watcher's next start.`,
  process: (pid, up, megabytes) => `pid ${pid}, up ${up}, ${megabytes} MB`,
  noProcess: "no process",
  looked: (ago) => `looked at ${ago} ago`,
  nobodyWatches: "nobody watches",
  incident: (id, cause, outcome, ago) => `last incident ${id}: ${cause}, ${outcome ?? "open"}, ${ago} ago`,
  noIncident: "no incident yet",
  paused: (by, remaining, reason) =>
    `paused by ${by}${remaining === null ? "" : ` for ${remaining} more`}${reason === null ? "" : `: ${reason}`}`,
  nextRepair: (after) => `next repair in ${after} at the earliest`,
  span: (days) => (days === 1 ? "24 hours" : `${days} days`),
  noIncidents: (span) => `${span}: no incident.`,
  recovered: (span, recovered, total, percent) => `${span}: ${recovered} of ${total} recovered (${percent} %)`,
  times: (mean, worst) => `mean ${mean}, worst ${worst}`,
  tier: (tier, count) => `tier ${tier}: ${count}`,
  help: `/status – how both gateways are
/repair – repair now (asks first)
/logs – the last ten repairs
/history 24h|7d|30d – how well they went
/proposal [3] – what an AI proposes, to approve or reject
/report [3] – an incident as one page
/config – the settings; /config KEY VALUE changes one (asks first)
/pause [2h] [reason], /resume – repair nothing for a while
The same behind /rescue: /rescue status, /rescue config.`,
};

const ZH_CN: ChatWords = {
  mayNotAct: "您只能查看，不能操作：请联系操作员。",
  tooMuch: "请求过于频繁；一分钟后继续。",
  pressed: {
    used: "此按钮已按过。",
    expired: "此按钮已过期：请重新发送命令。",
    foreign: "此按钮属于其他人。",
    unknown: "此按钮来自重启之前：请重新发送命令。",
  },
  buttons: {
    repair: "立即修复",
    pause: "暂停",
    resume: "恢复",
    logs: "查看记录",
    stats: "统计",
    change: "确认修改",
    day: "24 小时",
    approve: "批准",
    reject: "拒绝",
  },
  days: (days) => `${days} 天`,
  askRepair: "现在修复网关？不受等待时间和每小时次数限制；正常服务的网关不会被改动。",
  looking: "正在检查…",
  nothingRepaired: "尚未进行过修复。",
  nothingProposed: "没有提议。",
  tooLong: (command) => `内容过长，无法在此回答。完整内容：${command}`,
  report: "事件报告（一页，不含密钥）。压缩包保存在该机器上的同一目录。",
  noSetting: (key) => `没有设置项 ${key}。`,
  notFromChat: (key) => `${key} 不能在聊天中修改。`,
  changed: (key, before, after) => `${key} 已由 ${before} 改为 ${after}；监视进程下次启动后生效。`,
  process: (pid, up, megabytes) => `pid ${pid}，已运行 ${up}，${megabytes} MB`,
  noProcess: "没有进程",
  looked: (ago) => `${ago} 前检查过`,
  nobodyWatches: "无人监视",
  incident: (id, cause, outcome, ago) => `最近事件 ${id}：${cause}，${outcome ?? "未结束"}，${ago} 前`,
  noIncident: "尚无事件",
  paused: (by, remaining, reason) =>
    `由 ${by} 暂停${remaining === null ? "" : `，还剩 ${remaining}`}${reason === null ? "" : `：${reason}`}`,
  nextRepair: (after) => `最早 ${after} 后可再次修复`,
  span: (days) => (days === 1 ? "24 小时" : `${days} 天`),
  noIncidents: (span) => `${span}：没有事件。`,
  recovered: (span, recovered, total, percent) => `${span}：${total} 次中恢复 ${recovered} 次（${percent} %）`,
  times: (mean, worst) => `平均 ${mean}，最长 ${worst}`,
  tier: (tier, count) => `第 ${tier} 级：${count}`,
  help: `/status – 两个网关的状态
/repair – 立即修复（先询问）
/logs – 最近十次修复
/history 24h|7d|30d – 修复结果统计
/proposal [3] – AI 的提议，可批准或拒绝
/report [3] – 一页事件报告
/config – 设置；/config KEY VALUE 修改一项（先询问）
/pause [2h] [原因]，/resume – 暂时不修复
也可使用 /rescue：/rescue status、/rescue config。`,
};

const ZH_TW: ChatWords = {
  mayNotAct: "您只能檢視，不能操作：請聯絡操作員。",
  tooMuch: "請求過於頻繁；一分鐘後繼續。",
  pressed: {
    used: "此按鈕已按過。",
    expired: "此按鈕已過期：請重新傳送命令。",
    foreign: "此按鈕屬於其他人。",
    unknown: "此按鈕來自重新啟動之前：請重新傳送命令。",
  },
  buttons: {
    repair: "立即修復",
    pause: "暫停",
    resume: "恢復",
    logs: "檢視記錄",
    stats: "統計",
    change: "確認修改",
    day: "24 小時",
    approve: "批准",
    reject: "拒絕",
  },
  days: (days) => `${days} 天`,
  askRepair: "現在修復閘道？不受等待時間和每小時次數限制；正常服務的閘道不會被更動。",
  looking: "正在檢查…",
  nothingRepaired: "尚未進行過修復。",
  nothingProposed: "沒有提議。",
  tooLong: (command) => `內容過長，無法在此回答。完整內容：${command}`,
  report: "事件報告（一頁，不含密鑰）。壓縮檔保存在該機器上的同一目錄。",
  noSetting: (key) => `沒有設定項 ${key}。`,
  notFromChat: (key) => `${key} 不能在聊天中修改。`,
  changed: (key, before, after) => `${key} 已由 ${before} 改為 ${after}；監視程序下次啟動後生效。`,
  process: (pid, up, megabytes) => `pid ${pid}，已執行 ${up}，${megabytes} MB`,
  noProcess: "沒有程序",
  looked: (ago) => `${ago} 前檢查過`,
  nobodyWatches: "無人監視",
  incident: (id, cause, outcome, ago) => `最近事件 ${id}：${cause}，${outcome ?? "未結束"}，${ago} 前`,
  noIncident: "尚無事件",
  paused: (by, remaining, reason) =>
    `由 ${by} 暫停${remaining === null ? "" : `，還剩 ${remaining}`}${reason === null ? "" : `：${reason}`}`,
  nextRepair: (after) => `最早 ${after} 後可再次修復`,
  span: (days) => (days === 1 ? "24 小時" : `${days} 天`),
  noIncidents: (span) => `${span}：沒有事件。`,
  recovered: (span, recovered, total, percent) => `${span}：${total} 次中恢復 ${recovered} 次（${percent} %）`,
  times: (mean, worst) => `平均 ${mean}，最長 ${worst}`,
  tier: (tier, count) => `第 ${tier} 級：${count}`,
  help: `/status – 兩個閘道的狀態
/repair – 立即修復（先詢問）
/logs – 最近十次修復
/history 24h|7d|30d – 修復結果統計
/proposal [3] – AI 的提議，可批准或拒絕
/report [3] – 一頁事件報告
/config – 設定；/config KEY VALUE 修改一項（先詢問）
/pause [2h] [原因]，/resume – 暫時不修復
也可使用 /rescue：/rescue status、/rescue config。`,
};

/** The locales that the host's own wizard has. */
export const CHAT_WORDS = { en: EN, "zh-CN": ZH_CN, "zh-TW": ZH_TW } as const satisfies Record<string, ChatWords>;
