/** A program that asks a model, as data. Nothing of it goes through a shell. */
export interface CommandEngine {
  readonly kind: "command";
  readonly id: string;
  /** A name to look up on PATH, or an absolute path. */
  readonly binary: string;
  /** `{prompt}` and `{model}` are replaced, each inside its own argument; nothing else is. */
  readonly args: readonly string[];
  /** Added when a model is set. */
  readonly modelArgs?: readonly string[];
  readonly model?: string;
  /** Says its version, and that it can be started at all. */
  readonly versionArgs: readonly string[];
  /** How the prompt reaches it. As an argument it can be seen by every account of the machine, and 120 kB are the most. */
  readonly input: "stdin" | "argument";
  readonly answer: AnswerFormat;
  /** Words (compared without case) of what it says when nobody has logged in. */
  readonly needsLogin: readonly string[];
  readonly timeoutMs: number;
  /** Variables that it gets besides the few of every engine: names, or beginnings with a * behind. */
  readonly passes: readonly string[];
  /** Variables that are set for it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files, by name, that lie in its otherwise empty working directory. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Where in its output the answer stands. Output in JSON is seen as a list of records: the elements of an array, one object, or one object a line. */
export type AnswerFormat =
  | { readonly format: "text" }
  | {
      readonly format: "json" | "json-lines";
      /** Only records in which these paths (in dots) have these values. */
      readonly where: Readonly<Record<string, string | boolean>>;
      /** Where in such a record the text is. */
      readonly path: string;
      /** Of several records. */
      readonly take: "last" | "all";
      /** Where a record says what went wrong. */
      readonly trouble: readonly string[];
      /** A record with these values is trouble, and its `path` says which. */
      readonly failed?: Readonly<Record<string, string | boolean>>;
      /** A record with these values means that the model would not answer. */
      readonly refused?: Readonly<Record<string, string | boolean>>;
    };

/** Any server that speaks OpenAI's chat completions: vLLM, Ollama, LM Studio, llama.cpp, a provider. */
export interface EndpointEngine {
  readonly kind: "endpoint";
  readonly id: string;
  /** Up to and without `/chat/completions`. */
  readonly url: string;
  readonly model: string;
  /** A file of this user's, mode 0600, that holds the key and nothing else. */
  readonly keyFile?: string;
  readonly timeoutMs: number;
}

export type Engine = CommandEngine | EndpointEngine;

/** `why` is one sentence for people, without secrets and without the answer's content. */
export type EngineOutcome =
  | { readonly outcome: "answered"; readonly text: string }
  | {
      readonly outcome: "not-installed" | "needs-login" | "refused" | "failed" | "timed-out" | "too-long" | "nonsense";
      readonly why: string;
    };

/** Of an answer, and of what a program says in all. */
export const ANSWER_BYTES = 1_048_576;
