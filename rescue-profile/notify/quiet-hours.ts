/** Of the machine's local time, as minutes after midnight; `to` may lie on the next day. */
export interface QuietHours {
  readonly from: number;
  readonly to: number;
}

/** `22:30-07:00`; undefined when it is not that. */
export function parseQuietHours(text: string): QuietHours | undefined {
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  const [first, last] = [from, to].map(minutesOf);
  return first === undefined || last === undefined || first === last ? undefined : { from: first, to: last };
}

function minutesOf(text: string | undefined): number | undefined {
  const [hours, minutes] = (text ?? "").split(":").map(Number);
  return hours === undefined || minutes === undefined || !(hours < 24 && minutes < 60) ? undefined : hours * 60 + minutes;
}

/** When they end, if it is one of them now; wall time. Pure but for the machine's time zone. */
export function quietUntil(wallMs: number, hours: QuietHours | null): number | undefined {
  if (hours === null) return undefined;
  const now = new Date(wallMs);
  const minute = now.getHours() * 60 + now.getMinutes();
  const { from, to } = hours;
  const isQuiet = from < to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!isQuiet) return undefined;
  const end = new Date(wallMs);
  end.setHours(Math.floor(to / 60), to % 60, 0, 0);
  if (end.getTime() <= wallMs) end.setDate(end.getDate() + 1);
  return end.getTime();
}
