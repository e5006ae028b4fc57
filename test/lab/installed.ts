import { chmodSync, rmSync } from "node:fs";
import { onboardWords } from "../support/onboarding.ts";
import { packageCopy } from "../support/package.ts";
import { type Box, startBox } from "./box.ts";
import { PACKAGE } from "./watching.ts";

export interface PackageBox {
  readonly box: Box;
  dispose(): Promise<void>;
}

/** A box that has, at PACKAGE, what a user installs. */
export async function packageBox(binds: Readonly<Record<string, string>> = {}): Promise<PackageBox> {
  const dir = packageCopy();
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    chmodSync(dir, 0o755);
    const box = await startBox({ [dir]: PACKAGE, ...binds });
    return {
      box,
      dispose: async () => {
        await box.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The same with the host onboarded, and its gateway installed as a unit, which starts. */
export async function boxWithGateway(port: number): Promise<PackageBox> {
  const packaged = await packageBox();
  try {
    await packaged.box.output(["openclaw", ...onboardWords(port), "--auth-choice", "skip", "--skip-daemon"], 90_000);
    await packaged.box.output(["openclaw", "gateway", "install", "--json"], 90_000);
    return packaged;
  } catch (error) {
    await packaged.dispose();
    throw error;
  }
}
