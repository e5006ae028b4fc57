import { MATRIX_FAULTS } from "./faults.ts";
import type { Cell, Spread } from "./summary.ts";

const ROW = 22;
const LEFT = 250;
const WIDTH = 620;
const TOP = 58;
const COLOURS = ["#9aa0a6", "#5b8def", "#e0a030", "#1a9c5b", "#8a5cd1", "#c2557a"];
const LEAST_S = 1;
const MOST_S = 600;

/** Recovery time of each repairable fault and contender on a logarithmic scale, as SVG. Never recovered stands at the right edge; harm is a ring. */
export function figure(cells: readonly Cell[], floor: Spread | null): string {
  const faults = MATRIX_FAULTS.filter(({ name, answer }) => answer === "recovers" && cells.some(({ fault }) => fault === name));
  const contenders = [...new Set(cells.map(({ contender }) => contender))];
  const height = TOP + faults.length * ROW + 40;
  const x = (seconds: number) =>
    LEFT + (Math.log(Math.min(Math.max(seconds, LEAST_S), MOST_S) / LEAST_S) / Math.log(MOST_S / LEAST_S)) * WIDTH;
  const parts: string[] = [];
  for (const tick of [1, 3, 10, 30, 100, 300]) {
    parts.push(`<line x1="${f(x(tick))}" y1="${TOP - 6}" x2="${f(x(tick))}" y2="${height - 34}" stroke="#ddd"/>`);
    parts.push(`<text x="${f(x(tick))}" y="${height - 18}" text-anchor="middle">${tick} s</text>`);
  }
  parts.push(`<text x="${LEFT + WIDTH + 24}" y="${height - 18}" text-anchor="middle">never</text>`);
  if (floor !== null) {
    const at = f(x(floor.median / 1000));
    parts.push(`<line x1="${at}" y1="${TOP - 6}" x2="${at}" y2="${height - 34}" stroke="#c33" stroke-dasharray="4 3"/>`);
    parts.push(`<text x="${at}" y="${TOP - 10}" text-anchor="middle" fill="#c33">the host's own cold start</text>`);
  }
  faults.forEach(({ name, title }, row) => {
    const y = TOP + row * ROW + ROW / 2;
    parts.push(`<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${escaped(title)}</text>`);
    contenders.forEach((contender, index) => {
      const cell = cells.find((each) => each.fault === name && each.contender === contender);
      if (cell === undefined) return;
      const at = cell.served === null || cell.right < cell.runs ? LEFT + WIDTH + 12 + index * 8 : x(cell.served.median / 1000);
      const ring = cell.harm.length > 0 ? ' stroke="#c00" stroke-width="2.5"' : "";
      const said = `${contender}: ${cell.served === null ? "never" : `${(cell.served.median / 1000).toFixed(1)} s`}${cell.harm.length > 0 ? `; ${cell.harm.join("; ")}` : ""}`;
      parts.push(
        `<circle cx="${f(at)}" cy="${y}" r="5" fill="${COLOURS[index % COLOURS.length]}"${ring}><title>${escaped(said)}</title></circle>`,
      );
    });
  });
  contenders.forEach((contender, index) => {
    const at = LEFT + index * 150;
    parts.push(
      `<circle cx="${at}" cy="20" r="5" fill="${COLOURS[index % COLOURS.length]}"/><text x="${at + 10}" y="24">${escaped(contender)}</text>`,
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + 70} ${height}" font-family="sans-serif" font-size="12"><title>Seconds until the gateway serves again, for each fault and contender</title><rect width="100%" height="100%" fill="#fff"/>\n${parts.join("\n")}\n</svg>\n`;
}

const f = (value: number) => value.toFixed(1);
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
