/**
 * What the host calls the gateway's service of a profile on each platform, so that we find the service it installed.
 * Pure. Source: the host's `daemon/constants` (2026.9.6). `OPENCLAW_SYSTEMD_UNIT` and its kin, which rename a service, are
 * deliberately not read: inside a gateway's own service they name that gateway, not the one that is asked for.
 */
export interface ServiceNames {
  readonly systemdUnit: string;
  readonly launchdLabel: string;
  readonly taskName: string;
}

export function serviceNames(profile: string): ServiceNames {
  const name = profile.trim();
  if (name === "" || name.toLowerCase() === "default") {
    return { systemdUnit: "openclaw-gateway.service", launchdLabel: "ai.openclaw.gateway", taskName: "OpenClaw Gateway" };
  }
  return {
    systemdUnit: `openclaw-gateway-${name}.service`,
    launchdLabel: `ai.openclaw.${name}`,
    taskName: `OpenClaw Gateway (${name})`,
  };
}
