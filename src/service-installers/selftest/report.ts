import { RescueError } from "../../shared/errors.ts";

export type Proof = "proved" | "failed" | "could not look";

export interface CheckResult {
  readonly id: string;
  /** What holds on this machine when it is proved. */
  readonly proves: string;
  readonly expected: string;
  readonly found: string;
  readonly verdict: Proof;
  readonly ms: number;
  /** What the manager itself says of the throwaway service, when the check failed. */
  readonly raw?: string;
}

export interface Check extends Pick<CheckResult, "id" | "proves" | "expected"> {
  /** Without this one proved there is nothing to look at. */
  readonly needs?: string;
  /** Of the gateway: what cannot be asked was not seen. Of the throwaway service it has failed. */
  readonly asksOnly?: true;
  readonly look: () => Promise<Seen>;
}

export interface Seen {
  readonly verdict: Proof;
  readonly found: string;
}

export function judged(proved: boolean, found: string): Seen {
  return { verdict: proved ? "proved" : "failed", found };
}

export function unseen(found: string): Seen {
  return { verdict: "could not look", found };
}

export function sentence(error: unknown): string {
  if (!(error instanceof RescueError)) return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${error.code}: ${error.message}${error.fix === undefined ? "" : ` → ${error.fix}`}`;
}

/** What could not be taken away again, and how a person does it. */
export interface LeftBehind {
  readonly what: string;
  readonly command: string;
}

export interface ForAPerson {
  readonly what: string;
  readonly commands: readonly string[];
}

export interface SelftestReport extends MachineReport {
  readonly forAPerson: readonly ForAPerson[];
}

/** What a machine can say by itself. */
export interface MachineReport {
  readonly format: 1;
  readonly selftest: "service";
  /** Version of this package. */
  readonly version: string;
  readonly machine: { readonly platform: string; readonly release: string; readonly arch: string; readonly node: string };
  readonly verdict: Proof;
  readonly manager: string;
  readonly profile: string;
  readonly throwaway: string;
  readonly startedAt: string;
  readonly tookMs: number;
  readonly interrupted: boolean;
  readonly checks: readonly CheckResult[];
  readonly leftBehind: readonly LeftBehind[];
}

/** One verdict for all: something that failed weighs more than something that could not be looked at. */
export function overall({ checks, leftBehind }: Pick<SelftestReport, "checks" | "leftBehind">): Proof {
  if (leftBehind.length > 0 || checks.some(({ verdict }) => verdict === "failed")) return "failed";
  return checks.length > 0 && checks.every(({ verdict }) => verdict === "proved") ? "proved" : "could not look";
}

/** All texts without the home directory, whose name is mostly a person's. Pure. */
export function withoutHome(report: MachineReport, home: string): MachineReport {
  const hide = (text: string) => hideHome(text, home);
  return {
    ...report,
    checks: report.checks.map(({ raw, ...check }) => ({
      ...check,
      expected: hide(check.expected),
      found: hide(check.found),
      ...(raw === undefined ? {} : { raw: hide(raw) }),
    })),
    leftBehind: report.leftBehind.map(({ what, command }) => ({ what: hide(what), command: hide(command) })),
  };
}

function hideHome(text: string, home: string): string {
  if (/^[\\/]?$/.test(home)) return text;
  // In words that are written as JSON a backslash is two.
  const parts = home.split("\\").map((part) => part.replaceAll(/[.*+?^${}()|[\]]/g, "\\$&"));
  const literal = parts.join(String.raw`\\{1,2}`);
  // A namesake with a longer name is somebody else. Windows' paths have no case.
  const pattern = new RegExp(`${literal}(?![\\w-])`, home.includes("\\") ? "gi" : "g");
  return text.replaceAll(pattern, "~");
}

/** launchctl prints the environments of session and job: their lines are taken out. Pure. */
export function withoutEnvironment(text: string): string {
  return text.replaceAll(/^([^\n]*environment = \{)\n[\s\S]*?^\s*\}/gm, "$1 … }").replaceAll(/^(\s*Environment=).*$/gm, "$1…");
}
