/**
 * Programs that no entry may begin with: they run other programs, or do to any file what their words say. Nothing of an entry is ever run, but a list that names them would
 * teach a model, and a person who reads it, that they are fine. Compared without the version behind the name (`python3`, `python3.12`).
 */
export const NEVER: ReadonlySet<string> = new Set([
  // Shells, their keywords and builtins that run or change what is run.
  ...["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "pwsh", "busybox", "toybox"],
  ...["if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function", "time", "coproc"],
  ...["eval", "exec", "command", "builtin", "source", "alias", "unalias", "trap", "set", "unset", "export", "declare", "enable", "hash"],
  // Run another program.
  ...[
    "env",
    "sudo",
    "su",
    "doas",
    "runuser",
    "pkexec",
    "xargs",
    "parallel",
    "nohup",
    "timeout",
    "nice",
    "ionice",
    "chrt",
    "taskset",
    "setsid",
  ],
  ...[
    "stdbuf",
    "watch",
    "script",
    "flock",
    "at",
    "batch",
    "crontab",
    "systemd-run",
    "chroot",
    "unshare",
    "nsenter",
    "strace",
    "ltrace",
    "gdb",
  ],
  ...[
    "ssh",
    "docker",
    "podman",
    "kubectl",
    "screen",
    "tmux",
    "find",
    "git",
    "make",
    "man",
    "less",
    "more",
    "vi",
    "vim",
    "nano",
    "emacs",
    "ed",
  ],
  // Interpreters.
  ...["node", "nodejs", "deno", "bun", "npm", "npx", "pnpm", "yarn", "python", "pip", "perl", "ruby", "php", "lua", "tclsh", "expect"],
  ...["awk", "gawk", "mawk", "nawk", "sed", "jq", "gcc", "cc", "java", "go", "cargo"],
  // Write, fetch or send what their words say.
  ...["tee", "dd", "cp", "mv", "ln", "install", "chmod", "chown", "truncate", "shred", "mkfs", "mount", "tar", "zip", "unzip", "rsync"],
  ...["scp", "sftp", "curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "killall", "pkill"],
]);
