import { configLastGood } from "./checks/config-last-good.ts";
import { configPermissions } from "./checks/config-permissions.ts";
import { configValid } from "./checks/config-valid.ts";
import { cronDisabled } from "./checks/cron-disabled.ts";
import { cronFailing } from "./checks/cron-failing.ts";
import { cronKind } from "./checks/cron-kind.ts";
import { cronNeverRan } from "./checks/cron-never-ran.ts";
import { cronNextRun } from "./checks/cron-next-run.ts";
import { cronOverdue } from "./checks/cron-overdue.ts";
import { cronTimeout } from "./checks/cron-timeout.ts";
import { dataBackups } from "./checks/data-backups.ts";
import { dataDatabases } from "./checks/data-databases.ts";
import { dataDisk } from "./checks/data-disk.ts";
import { dataDrift } from "./checks/data-drift.ts";
import { dataFresh } from "./checks/data-fresh.ts";
import { gatewayAuth } from "./checks/gateway-auth.ts";
import { gatewayExposed } from "./checks/gateway-exposed.ts";
import { gatewayToken } from "./checks/gateway-token.ts";
import { hostLint } from "./checks/host-lint.ts";
import { hostUpdate } from "./checks/host-update.ts";
import { hostVersion } from "./checks/host-version.ts";
import { logGrowth } from "./checks/log-growth.ts";
import { modelCredentials } from "./checks/model-credentials.ts";
import { modelFallbacks } from "./checks/model-fallbacks.ts";
import { modelUnknown } from "./checks/model-unknown.ts";
import { networkInterfaces } from "./checks/network-interfaces.ts";
import { pairingPending } from "./checks/pairing-pending.ts";
import { pluginsAllowlist } from "./checks/plugins-allowlist.ts";
import { pluginsUnknown } from "./checks/plugins-unknown.ts";
import { pluginsWritable } from "./checks/plugins-writable.ts";
import { serverModel } from "./checks/server-model.ts";
import { serverReachable } from "./checks/server-reachable.ts";
import { serverUnit } from "./checks/server-unit.ts";
import { serviceInstalled } from "./checks/service-installed.ts";
import { serviceParked } from "./checks/service-parked.ts";
import { unitStartLimit } from "./checks/unit-start-limit.ts";
import { webhookRepositories } from "./checks/webhook-repositories.ts";
import { webhookSecret } from "./checks/webhook-secret.ts";
import type { Check } from "./finding.ts";

/** Every check, in the order in which they are listed. */
export const CHECKS: readonly Check[] = [
  gatewayAuth,
  gatewayExposed,
  gatewayToken,
  configLastGood,
  configPermissions,
  configValid,
  serviceInstalled,
  serviceParked,
  unitStartLimit,
  hostLint,
  hostUpdate,
  hostVersion,
  pairingPending,
  pluginsAllowlist,
  pluginsUnknown,
  pluginsWritable,
  modelCredentials,
  modelFallbacks,
  modelUnknown,
  cronDisabled,
  cronFailing,
  cronKind,
  cronNeverRan,
  cronNextRun,
  cronOverdue,
  cronTimeout,
  dataBackups,
  dataDatabases,
  dataDisk,
  dataDrift,
  dataFresh,
  logGrowth,
  webhookRepositories,
  webhookSecret,
  networkInterfaces,
  serverModel,
  serverReachable,
  serverUnit,
];
