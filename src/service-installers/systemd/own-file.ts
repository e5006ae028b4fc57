/** A file that `audit --fix` makes in the account's configuration. Its first line says whose it is. */
export interface OwnFile {
  readonly path: string;
  readonly text: string;
}

const OURS = "# By rescue-watchdog";

/** The first line of each such file. */
export function heading(profile: string): string {
  return `${OURS} audit --fix for profile ${profile}; it goes with: rescue-watchdog uninstall`;
}

export function isOurs(text: string): boolean {
  return text.startsWith(OURS);
}
