import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pairingPending } from "../../../rescue-profile/audit/checks/pairing-pending.ts";
import type { PairingRequest } from "../../../rescue-profile/audit/facts.ts";
import { factsOf, problemsOf } from "../facts.ts";

const ID = "3f1c2a9e-0b7d-4c55-9a51-6f0e2d7c8b10";
const REQUEST: PairingRequest = {
  kind: "device",
  id: ID,
  client: "openclaw-tui",
  role: "operator",
  scopes: ["operator.read"],
  ageMs: 130_000,
  expired: false,
};
const asked = (...each: Partial<PairingRequest>[]) => ({ pairings: each.map((values) => ({ ...REQUEST, ...values })) });

const cases: readonly (readonly [name: string, requests: ReturnType<typeof asked>, found: readonly string[]])[] = [
  ["a device", asked({}), [`device:${ID} warning`]],
  ["a device that asks for everything", asked({ scopes: ["operator.read", "operator.admin"] }), [`device:${ID} critical`]],
  ["a device that asks to write", asked({ scopes: ["operator.write"] }), [`device:${ID} critical`]],
  ["a repair", asked({ kind: "repair", scopes: [] }), [`repair:${ID} critical`]],
  ["a node", asked({ kind: "node", role: "node", scopes: [] }), [`node:${ID} warning`]],
  ["a sender", asked({ kind: "channel", id: "telegram", role: null, scopes: [] }), ["channel:telegram warning"]],
  [
    "two senders in one channel",
    asked({ kind: "channel", id: "telegram" }, { kind: "channel", id: "telegram" }),
    ["channel:telegram warning"],
  ],
  ["two devices, one expired", asked({ id: "a", expired: true }, { id: "b" }), ["device:b warning"]],
  ["nobody", asked(), []],
  ["an expired device", asked({ expired: true }), []],
  ["an expired repair", asked({ kind: "repair", expired: true }), []],
  ["expired senders", asked({ kind: "channel", expired: true }, { kind: "channel", expired: true }), []],
];

describe("pairing-pending", () => {
  it.each(cases)("judges %s", async (_, values, found) => {
    const problems = await problemsOf(pairingPending, values);
    expect(problems.map(({ subject, severity }) => `${subject} ${severity}`)).toEqual(found);
  });

  it("never has a fix, and says that nothing was approved and nothing will be", async () => {
    const [problem] = await problemsOf(pairingPending, asked({ scopes: ["operator.admin"] }));
    expect(problem).not.toHaveProperty("fix");
    expect(problem?.cure.text).toMatch(/^Nothing was approved, and nothing will be/);
    expect(problem?.evidence[0]).toEqual({
      fact: `device ${ID}, client openclaw-tui, role operator, scopes operator.admin, asked 2 min 10 s ago`,
      from: "state/openclaw.sqlite device_pairing_pending",
    });
  });

  it.each([
    ["device", ID, ["openclaw devices list", `openclaw devices approve ${ID}`, `openclaw devices reject ${ID}`]],
    ["node", "$(id)", ["openclaw nodes pending", "openclaw nodes approve ID", "openclaw nodes reject ID"]],
    ["channel", "telegram", ["openclaw pairing list telegram", "openclaw pairing approve telegram CODE"]],
    ["channel", "-x; rm", ["openclaw pairing list CHANNEL", "openclaw pairing approve CHANNEL CODE"]],
  ] as const)("prints what a person would run for a %s called %s", async (kind, id, commands) => {
    const [problem] = await problemsOf(pairingPending, asked({ kind, id }));
    expect(problem?.cure.commands).toEqual(commands);
  });

  it("names the profile in its commands", async () => {
    const answer = await pairingPending.look({ ...factsOf(asked({})), profile: "work" });
    expect(answer.ok && answer.value[0]?.cure.commands[0]).toBe("openclaw --profile work devices list");
  });

  it("says that it could not look", async () => {
    expect(await pairingPending.look(factsOf({}))).toEqual({ ok: false, why: "pairings was not given" });
  });

  it("puts no id into a command that a shell would read", async () => {
    const kind = fc.constantFrom<PairingRequest["kind"]>("device", "repair", "node", "channel");
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string(), kind, async (id, text, kind) => {
        const problems = await problemsOf(pairingPending, asked({ id, kind, client: text, role: text, scopes: [text] }));
        for (const command of problems.flatMap(({ cure }) => cure.commands)) expect(command).toMatch(/^openclaw [\w .:-]+$/);
      }),
    );
  });
});
