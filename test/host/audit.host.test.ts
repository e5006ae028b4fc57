import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditReport } from "../../rescue-profile/audit/report.ts";
import { asJson, asMarkdown, asSarif, asText, audit, CHECKS } from "../../rescue-profile/audit-main.ts";
import { cleanUp, DAMAGES, HEALTHY } from "../audit/homes/damages.ts";
import { CANARIES, type PristineHome, pristineHome } from "../audit/homes/pristine.ts";

/** Cannot be damaged here: test/lab/audit.lab.test.ts has the services, the unit tests disk and network, this file's last part credentials. */
const ELSEWHERE = [
  "service-installed",
  "service-parked",
  "unit-start-limit",
  "server-unit",
  "data-disk",
  "network-interfaces",
  "cron-overdue",
  "model-credentials",
];

describe("the audit of homes that the real host made", () => {
  let home: PristineHome;
  let [right, wrong, missed] = [0, 0, 0];
  /** And looks for planted secrets in everything that could be printed of it. */
  const look = async (env: NodeJS.ProcessEnv = {}): Promise<AuditReport> => {
    const report = await audit({ profile: "default", home: home.home, env: { ...home.env, ...env } });
    const printed = [
      asText(report, (_, text) => text),
      asMarkdown(report),
      JSON.stringify([asJson(report), asSarif(report, CHECKS, home.stateDir)]),
    ];
    const leaked = [...Object.values(CANARIES), home.token].filter((secret) => printed.some((text) => text.includes(secret)));
    expect(leaked).toEqual([]);
    return report;
  };

  beforeAll(async () => {
    home = await pristineHome();
  });
  afterAll(async () => {
    if (right > 0) {
      const of = (part: number, whole: number) => (part / whole).toFixed(3);
      console.log(
        `audit: ${DAMAGES.length} damaged homes, ${HEALTHY.length} healthy ones · right ${right}, wrong ${wrong}, missed ${missed} · precision ${of(right, right + wrong)}, recall ${of(right, right + missed)}`,
      );
    }
    await home?.dispose();
  });

  it("has at least three damages for each check that can be damaged here", () => {
    const few = CHECKS.filter(({ id }) => !ELSEWHERE.includes(id) && DAMAGES.filter(({ check }) => check === id).length < 3);
    expect(few.map(({ id }) => id)).toEqual([]);
  });

  for (const { how, make } of HEALTHY) {
    it(`healthy: ${how}`, async () => {
      home.restore();
      make(home);
      const { findings, couldNotLook } = await look();
      cleanUp(home);
      wrong += findings.length;
      expect(findings.map(({ id, subject, title }) => `${id} ${subject}: ${title}`)).toEqual([]);
      expect(couldNotLook).toEqual([]);
    });
  }

  for (const { check, how, make, subject, also = [], blind = [], env } of DAMAGES) {
    it(`${check}: ${how}`, { timeout: 60_000 }, async () => {
      home.restore();
      make(home);
      const { findings, couldNotLook } = await look(env?.(home));
      const about = subject?.(home) ?? "";
      cleanUp(home);
      const found = findings.some((each) => each.id === check && each.subject.startsWith(about));
      const strangers = findings.filter(({ id }) => id !== check && !also.includes(id) && !also.includes("*"));
      if (found) right += 1;
      else missed += 1;
      wrong += strangers.length;
      const subjects = findings.filter(({ id }) => id === check).map((each) => each.subject);
      expect(found, `of ${check} only ${JSON.stringify(subjects)} were found`).toBe(true);
      expect(
        strangers.map(({ id, subject: of, title }) => `${id} ${of}: ${title}`),
        "what is not so",
      ).toEqual([]);
      expect(
        couldNotLook.map(({ id }) => id).filter((id) => !blind.includes(id)),
        "what could not be looked at",
      ).toEqual([]);
    });
  }
});
