import type { ProviderAuthContext, ProviderAuthResult } from "openclaw/plugin-sdk/plugin-entry";
import { isGatewayPort } from "../../src/onboard/facts.ts";
import type { SetupPlan } from "../../src/onboard/plan.ts";
import { prepareSetup, setup } from "../../src/onboard/provision.ts";
import { objectionToBotToken, objectionToUserIds, type SetupWishes, type TelegramWish } from "../../src/onboard/wishes.ts";
import { RescueError } from "../../src/shared/errors.ts";
import { whenOnboardingEnds } from "./ending.ts";
import { closingWords, onboardingPorts, sentence, wishesOf } from "./step.ts";

type Context = Pick<ProviderAuthContext, "config" | "opts" | "prompter">;
type Prompter = Context["prompter"];

/**
 * The step inside the host's own wizard: asks for the port and a bot of the rescue's own, shows the whole plan before anything is written, and
 * a spinner while it is carried out. A person who declines ends the onboarding, as with any other refusal there: the flag asked for it.
 */
export async function runInWizard({ config, opts, prompter }: Context, packageRoot: string | undefined): Promise<ProviderAuthResult> {
  try {
    let spinner: ReturnType<Prompter["progress"]> | undefined;
    const ports = await onboardingPorts(packageRoot, (step, state) => {
      if (state === "begun") spinner?.update(`Rescue gateway: ${step}`);
    });
    const basic = await withService(wishesOf(config, opts ?? {}), prompter, ports);
    const { plan: proposal } = await prepareSetup(basic, ports);
    const port = await askPort(basic, proposal.port, prompter, ports);
    const telegram = await askTelegram(prompter);
    const wishes = { ...basic, port, ...(telegram === undefined ? {} : { telegram }) };
    const { plan } = await prepareSetup(wishes, ports);
    await prompter.note(describePlan(plan), `Rescue gateway: profile ${plan.rescue}`);
    if (!(await prompter.confirm({ message: "Set up this rescue gateway now?", initialValue: true }))) {
      throw new Error("declined; run the onboarding without --rescue-watchdog, or later: openclaw rescue setup");
    }
    spinner = prompter.progress("Rescue gateway");
    const result = await setup(wishes, ports).catch((error: unknown) => {
      spinner?.stop("The rescue gateway was not set up");
      throw error;
    });
    spinner.stop(`Rescue gateway ${plan.rescue} is ready`);
    whenOnboardingEnds({ rescue: plan.rescue, primary: plan.primary, waitForPort: undefined });
    return {
      profiles: [],
      ...(result.primaryPatch === null ? {} : { configPatch: result.primaryPatch }),
      notes: [...closingWords(result)],
    };
  } catch (error) {
    throw sentence(error);
  }
}

/** Without a service manager a profile without a service is all there can be; the person decides. */
async function withService(wishes: SetupWishes, prompter: Prompter, ports: Parameters<typeof prepareSetup>[1]): Promise<SetupWishes> {
  if (wishes.service === "none") return wishes;
  const manager = await ports.manager();
  if (manager.name !== "none") return wishes;
  const go = await prompter.confirm({
    message: `No service manager here (${manager.why}). Make the rescue profile without a service, to be started with rescue-watchdog supervise?`,
    initialValue: true,
  });
  if (!go) throw new Error("there is no service manager to keep a rescue gateway alive");
  return { ...wishes, service: "none" };
}

async function askPort(
  wishes: SetupWishes,
  proposed: number,
  prompter: Prompter,
  ports: Parameters<typeof prepareSetup>[1],
): Promise<number> {
  for (;;) {
    const answer = await prompter.text({
      message: "Port of the rescue gateway (at least 120 away from every other gateway)",
      initialValue: String(proposed),
      validate: (value) => (isGatewayPort(Number(value)) ? undefined : "a whole number from 1024 to 65000"),
    });
    try {
      await prepareSetup({ ...wishes, port: Number(answer) }, ports);
      return Number(answer);
    } catch (error) {
      if (!(error instanceof RescueError) || !["usage", "port-foreign"].includes(error.code)) throw error;
      await prompter.note(error.message, "That port cannot be used");
    }
  }
}

async function askTelegram(prompter: Prompter): Promise<TelegramWish | undefined> {
  const botToken = await prompter.text({
    message: "Telegram bot of the rescue's own: token from @BotFather (empty: none)",
    sensitive: true,
    validate: (value) => (value.trim() === "" ? undefined : objectionToBotToken(value.trim())),
  });
  if ((botToken ?? "").trim() === "") return undefined;
  const ids = await prompter.text({
    message: "Numeric Telegram user ids that may use it, separated by commas",
    validate: (value) => objectionToUserIds(idsIn(value)),
  });
  return { botToken: botToken.trim(), allowFrom: idsIn(ids) };
}

function idsIn(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((id) => id.replace(/^telegram:/, ""))
    .filter((id) => id !== "");
}

function describePlan(plan: SetupPlan): string {
  return plan.steps.map(({ text, done }) => `${done ? "(done) " : "• "}${text}`).join("\n");
}
