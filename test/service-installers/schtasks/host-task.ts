/**
 * A task of the host as the Task Scheduler gives it back. Written after the host's template (`daemon/schtasks-layout`, 2026.9.6), with what
 * Windows is known to add (URI, Author, the user as a SID, line ends); not recorded from a Windows.
 */
export function hostTaskXml(command: string, changed: Readonly<Record<string, string>> = {}): string {
  const settings = { ExecutionTimeLimit: "PT0S", StopIfGoingOnBatteries: "false", ...changed };
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>WERKSTATT\\Jürgen</Author>
    <Description>OpenClaw Gateway (v2026.9.6)</Description>
    <URI>\\OpenClaw Gateway</URI>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-21-1085031214-1563985344-725345543-1001</UserId>
      <LogonType>InteractiveToken</LogonType>
    </Principal>
  </Principals>
  <Settings>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>${settings.StopIfGoingOnBatteries}</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>${settings.ExecutionTimeLimit}</ExecutionTimeLimit>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <RestartOnFailure>
      <Count>3</Count>
      <Interval>PT1M</Interval>
    </RestartOnFailure>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
  </Settings>
  <Triggers>
    <LogonTrigger>
      <UserId>WERKSTATT\\Jürgen</UserId>
    </LogonTrigger>
  </Triggers>
  <Actions Context="Author">
    <Exec>
      <Command>${command.replaceAll("&", "&amp;")}</Command>
    </Exec>
  </Actions>
</Task>`.replaceAll("\n", "\r\n");
}
