import type { CommandEngine } from "./engine.ts";

const TIMEOUT_MS = 75_000;
/** Providers' own variables: keys, regions, addresses of a gateway in between. */
const PROVIDERS = [
  "ANTHROPIC_*",
  "OPENAI_*",
  "GEMINI_*",
  "GOOGLE_*",
  "AWS_*",
  "AZURE_*",
  "OPENROUTER_*",
  "GROQ_*",
  "MISTRAL_*",
  "DEEPSEEK_*",
];

/**
 * Every tool of qwen-code 0.24.4, as it names them to its model (its own list in the first record of its output, with and without --bare), and of earlier versions.
 * --approval-mode plan forbids writing besides; --core-tools, which would be an allowlist, is ignored under --safe-mode and leaves `agent` and `tool_call`.
 */
const QWEN_TOOLS = [
  "agent",
  "ask_user_question",
  "cron_create",
  "cron_delete",
  "cron_list",
  "edit",
  "enter_worktree",
  "exit_plan_mode",
  "exit_worktree",
  "get_goal",
  "glob",
  "grep_search",
  "list_agents",
  "list_directory",
  "loop_wakeup",
  "monitor",
  "notebook_edit",
  "read_file",
  "read_many_files",
  "read_mcp_resource",
  "record_artifact",
  "report_findings",
  "run_shell_command",
  "save_memory",
  "send_message",
  "skill",
  "task",
  "task_stop",
  "todo_write",
  "tool_call",
  "tool_search",
  "update_goal",
  "web_fetch",
  "web_search",
  "write_file",
  "zoom_image",
];

/** Codex has no switch for "no tools": its shell, its subagents and what reads files are features. Unknown names are ignored in this form. */
const CODEX_OFF = [
  "shell_tool",
  "unified_exec",
  "view_image",
  "multi_agent",
  "apps",
  "plugins",
  "hooks",
  "image_generation",
  "browser_use",
  "computer_use",
  "skill_search",
];

/**
 * The engines that are known without settings, in the order in which they are asked. Each was run against a server on this machine that speaks its provider's protocol, and the
 * requests were looked at: with these arguments the model is offered no tool that reads, writes or runs anything, and the tools' own words below are recorded, not remembered
 * (2026-11): claude 2.1.332 (no tools), codex-cli 0.171.0 (left are apply_patch, which its read-only sandbox refuses, a clock and MCP resources, of which it has none without
 * the user's configuration), gemini 0.61.0 (no tools), qwen 0.24.4 (no tools), opencode 1.18.34 (no tools). Not proven, for want of accounts and a network: the words of an
 * expired login, of a used-up quota and of a refusal, other than what their sources and the providers' documentation say.
 * The host's own is {@link hostEngine}; `openclaw triage` is none: it starts those same tools, on a terminal, and its embedded repair acts by itself.
 */
export const ENGINES = [
  {
    kind: "command",
    id: "qwen-code",
    binary: "qwen",
    args: [
      "--safe-mode",
      "--approval-mode",
      "plan",
      "--chat-recording=false",
      "--output-format",
      "json",
      "--exclude-tools",
      QWEN_TOOLS.join(","),
    ],
    modelArgs: ["--model", "{model}"],
    versionArgs: ["--version"],
    input: "stdin",
    answer: {
      format: "json",
      where: { type: "result" },
      path: "result",
      take: "last",
      trouble: ["error.message"],
      failed: { type: "result", is_error: true },
    },
    needsLogin: [
      "no auth type is selected",
      "please configure an auth",
      "401",
      "invalid api key",
      "invalid_api_key",
      "unauthorized",
      "qwen oauth",
    ],
    timeoutMs: TIMEOUT_MS,
    passes: ["QWEN_*", "DASHSCOPE_*", "MODELSCOPE_*", ...PROVIDERS],
  },
  {
    kind: "command",
    id: "claude",
    binary: "claude",
    // --max-turns is no longer in its help, and still taken.
    args: [
      "-p",
      "--output-format",
      "json",
      "--max-turns",
      "1",
      "--tools",
      "",
      "--strict-mcp-config",
      "--safe-mode",
      "--no-session-persistence",
    ],
    modelArgs: ["--model", "{model}"],
    versionArgs: ["--version"],
    input: "stdin",
    answer: {
      format: "json",
      where: { type: "result" },
      path: "result",
      take: "last",
      trouble: [],
      failed: { type: "result", is_error: true },
      refused: { stop_reason: "refusal" },
    },
    needsLogin: ["not logged in", "please run /login", "invalid api key", "authentication_error", "oauth token has expired", "401"],
    timeoutMs: TIMEOUT_MS,
    passes: ["ANTHROPIC_*", "CLAUDE_CODE_*", "CLAUDE_CONFIG_DIR", "AWS_*", "GOOGLE_*", "CLOUD_ML_REGION"],
  },
  {
    kind: "command",
    id: "codex",
    binary: "codex",
    args: [
      "exec",
      "--sandbox",
      "read-only",
      "--skip-git-repo-check",
      "--ephemeral",
      "--ignore-user-config",
      "--ignore-rules",
      "--color",
      "never",
      "--json",
      ...CODEX_OFF.flatMap((feature) => ["-c", `features.${feature}=false`]),
      "-",
    ],
    modelArgs: ["--model", "{model}"],
    versionArgs: ["--version"],
    input: "stdin",
    answer: {
      format: "json-lines",
      where: { type: "item.completed", "item.type": "agent_message" },
      path: "item.text",
      take: "last",
      trouble: ["error.message", "message"],
    },
    // Without a network it waits for one, until it is killed.
    needsLogin: ["not logged in", "401 unauthorized", "missing bearer", "invalid_api_key", "token_expired", "please run `codex login`"],
    timeoutMs: TIMEOUT_MS,
    passes: ["CODEX_*", "OPENAI_*"],
  },
  {
    kind: "command",
    id: "gemini",
    binary: "gemini",
    // -p is "appended to input on stdin"; without it a terminal's absence decides. -e none: no extensions. The policy takes every tool away from the model.
    args: [
      "--output-format",
      "json",
      "--approval-mode",
      "default",
      "--skip-trust",
      "-e",
      "none",
      "--admin-policy",
      "no-tools.toml",
      "-p",
      "",
    ],
    modelArgs: ["--model", "{model}"],
    versionArgs: ["--version"],
    input: "stdin",
    answer: { format: "json", where: {}, path: "response", take: "last", trouble: ["error.message"] },
    needsLogin: [
      "please set an auth method",
      "invalid auth method",
      "api key not valid",
      "api_key_invalid",
      "401",
      "unauthenticated",
      "login with google",
    ],
    timeoutMs: TIMEOUT_MS,
    passes: ["GEMINI_*", "GOOGLE_*"],
    files: { "no-tools.toml": '[[rule]]\ntoolName = "*"\ndecision = "deny"\npriority = 999\n' },
  },
  {
    kind: "command",
    id: "opencode",
    binary: "opencode",
    // A title spares the request that would make one. --pure: no plugins.
    args: ["run", "--format", "json", "--pure", "--title", "diagnosis"],
    modelArgs: ["--model", "{model}"],
    versionArgs: ["--version"],
    input: "stdin",
    answer: {
      format: "json-lines",
      where: { type: "text" },
      path: "part.text",
      take: "all",
      trouble: ["error.data.message", "error.message"],
    },
    needsLogin: ["401", "invalid api key", "invalid x-api-key", "authentication", "no provider", "opencode auth login"],
    timeoutMs: TIMEOUT_MS,
    passes: ["OPENCODE_*", "XDG_*", ...PROVIDERS],
    env: {
      OPENCODE_CONFIG_CONTENT: '{"permission":{"*":"deny"},"share":"disabled","autoupdate":false}',
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
    },
  },
] as const satisfies readonly CommandEngine[];

/**
 * The host's own: `openclaw --profile RESCUE infer model run --local`, one completion with the rescue profile's model and login, no tools, no agent, no gateway (docs/cli/infer.md;
 * run against a local server with 2026.9.6: the request holds the prompt alone, 9 s here). `openclaw agent` would load tools, and `agent exec` brings a shell. It takes its prompt
 * as an argument only. `command`: how the host's CLI is started (HostCli.command).
 */
export function hostEngine(command: readonly string[], rescueProfile: string): CommandEngine {
  const [binary = "openclaw", ...leading] = command;
  return {
    kind: "command",
    id: "openclaw",
    binary,
    args: [...leading, "--profile", rescueProfile, "infer", "model", "run", "--local", "--json", "--prompt", "{prompt}"],
    modelArgs: ["--model", "{model}"],
    versionArgs: [...leading, "--version"],
    input: "argument",
    answer: { format: "json", where: { ok: true }, path: "outputs.0.text", take: "last", trouble: ["error.message"] },
    needsLogin: ["auth lookup failed", "no route-compatible authentication", "no api key found", "missing credentials", "401"],
    timeoutMs: TIMEOUT_MS,
    passes: ["*"],
  };
}
