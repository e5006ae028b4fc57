import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lookAtModel, type Problem } from "../../rescue-profile/preflight/model-files.ts";
import { tempDir } from "../observe/support.ts";
import { safetensors, wholeModel } from "./support.ts";

const complete = { ok: true, value: { state: "complete" } };
const POINTER = "version https://git-lfs.example/spec/v1\noid sha256:0a\nsize 4976698672\n";
const INDEX = "model.safetensors.index.json";
const FIRST = "model-00001-of-00002.safetensors";

/** `FILE WHAT`, each; none of a model that is complete. */
async function problemsOf(modelPath: string): Promise<readonly string[]> {
  const look = await lookAtModel(modelPath);
  if (!look.ok) throw new Error(look.why);
  return look.value.state === "incomplete" ? look.value.problems.map(({ file, what }: Problem) => `${file} ${what}`) : [];
}

/** What is said of a whole model after something was done to it. */
async function changed(change: (directory: string, put: (name: string, content: string | Buffer) => void) => void) {
  const model = wholeModel(join(tempDir(), "model"));
  change(model, (name, content) => writeFileSync(join(model, name), content));
  return problemsOf(model);
}

describe("a directory with a model", () => {
  it("is complete with its configuration and every shard of the index, also by links into a cache", async () => {
    const model = wholeModel(join(tempDir(), "model"));
    expect(await lookAtModel(model)).toEqual(complete);
    const snapshot = tempDir();
    for (const name of ["config.json", INDEX, FIRST, "model-00002-of-00002.safetensors"])
      symlinkSync(join(model, name), join(snapshot, name));
    expect(await lookAtModel(snapshot)).toEqual(complete);
    rmSync(join(model, FIRST));
    expect(await problemsOf(snapshot)).toEqual([`${FIRST} is not there`]);
  });

  it.each<[string, string, (directory: string, put: (name: string, content: string | Buffer) => void) => void]>([
    ["config.json is not there", "no configuration", (at) => rmSync(join(at, "config.json"))],
    ["config.json is no object of JSON", "half a configuration", (_, put) => put("config.json", '{"model_type":')],
    [`${FIRST} is not there`, "no shard", (at) => rmSync(join(at, FIRST))],
    [`${FIRST} is empty`, "an empty shard", (_, put) => put(FIRST, "")],
    [`${FIRST} is cut off`, "a shard that lacks its last byte", (at) => truncateSync(join(at, FIRST), safetensors(100).length - 1)],
    [`${FIRST} is cut off: its header ends at byte`, "a shard that ends in its header", (at) => truncateSync(join(at, FIRST), 40)],
    [`${FIRST} has 5 bytes`, "a shard of five bytes", (at) => truncateSync(join(at, FIRST), 5)],
    [
      `${FIRST} has ${safetensors(100).length + 1} bytes, and its tensors`,
      "bytes behind the tensors",
      (_, put) => put(FIRST, Buffer.concat([safetensors(100), Buffer.alloc(1)])),
    ],
    [
      `${FIRST} is no safetensors file: the header's length is absurd`,
      "a page of HTML",
      (_, put) => put(FIRST, "<!doctype html><html></html>"),
    ],
    [`${FIRST} is no safetensors file: its header is no JSON`, "another header", (_, put) => put(FIRST, safetensors(0, "not json"))],
    [
      `${FIRST} is no safetensors file: a tensor has no data_offsets`,
      "a tensor without offsets",
      (_, put) => put(FIRST, safetensors(0, '{"a":{"data_offsets":[0,"9"]}}')),
    ],
    [`${FIRST} was not downloaded`, "a pointer in place of a shard", (_, put) => put(FIRST, POINTER)],
    [`${INDEX} was not downloaded`, "a pointer in place of the index", (_, put) => put(INDEX, POINTER)],
    [`${INDEX} has no weight_map`, "another index", (_, put) => put(INDEX, "[]")],
    [`${INDEX} names no shard`, "an empty index", (_, put) => put(INDEX, '{"weight_map":{}}')],
    [
      `${INDEX} names a shard that is no plain file name`,
      "an index that leads elsewhere",
      (_, put) => put(INDEX, '{"weight_map":{"a":"../../etc/passwd"}}'),
    ],
    [
      `${INDEX} promises 100000 bytes`,
      "less than the index promises",
      (_, put) => put(INDEX, JSON.stringify({ metadata: { total_size: 100_000 }, weight_map: { a: FIRST } })),
    ],
    [`${FIRST}.incomplete is a download that has not ended`, "a leftover beside", (_, put) => put(`${FIRST}.incomplete`, "x")],
    ["tokenizer.json.part is a download that has not ended", "another leftover", (_, put) => put("tokenizer.json.part", "x")],
    [
      ". has no weights",
      "a configuration alone",
      (at) => {
        for (const name of [INDEX, FIRST, "model-00002-of-00002.safetensors"]) rmSync(join(at, name));
      },
    ],
  ])("is incomplete: %s (%s)", async (problem, _, change) => {
    const problems = await changed(change);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it("is incomplete while a hub's tool still downloads into it", async () => {
    const problems = await changed((at, put) => {
      mkdirSync(join(at, ".cache", "huggingface", "download"), { recursive: true });
      put(join(".cache", "huggingface", "download", "abc.incomplete"), "x");
    });
    expect(problems).toEqual([expect.stringContaining(join("download", "abc.incomplete"))]);
  });

  it("needs every part that the names promise when there is no index", async () => {
    expect(await changed((at) => rmSync(join(at, INDEX)))).toEqual([]);
    expect(
      await changed((at) => {
        rmSync(join(at, INDEX));
        rmSync(join(at, FIRST));
      }),
    ).toEqual([`${FIRST} is not there`]);
  });

  it("with one file of weights is complete when that one is", async () => {
    const model = tempDir();
    writeFileSync(join(model, "config.json"), "{}");
    writeFileSync(join(model, "model.safetensors"), safetensors(10));
    expect(await lookAtModel(model)).toEqual(complete);
    truncateSync(join(model, "model.safetensors"), 90);
    expect(await problemsOf(model)).toEqual([expect.stringContaining("is cut off")]);
  });

  it("of PyTorch's format is held to its own index, unless there are safetensors too", async () => {
    const model = tempDir();
    const index = { metadata: { total_size: 6 }, weight_map: { a: "pytorch_model-00001-of-00001.bin" } };
    writeFileSync(join(model, "config.json"), "{}");
    writeFileSync(join(model, "pytorch_model.bin.index.json"), JSON.stringify(index));
    expect(await problemsOf(model)).toEqual(["pytorch_model-00001-of-00001.bin is not there"]);
    writeFileSync(join(model, "pytorch_model-00001-of-00001.bin"), "12345");
    expect(await problemsOf(model)).toEqual(["pytorch_model.bin.index.json promises 6 bytes, and its shards have 5"]);
    writeFileSync(join(model, "model.safetensors"), safetensors(10));
    expect(await lookAtModel(model)).toEqual(complete);
  });

  it("of GGUF is told to name the file", async () => {
    const model = tempDir();
    writeFileSync(join(model, "m.gguf"), "GGUF");
    expect((await problemsOf(model))[0]).toContain("named by its file");
  });
});

describe("a model in one file", () => {
  it("is whole as GGUF, under any name, when it begins so", async () => {
    const directory = tempDir();
    for (const name of ["m.gguf", "sha256-0a1b"]) {
      writeFileSync(join(directory, name), "GGUF\u0003 and more");
      expect(await lookAtModel(join(directory, name))).toEqual(complete);
    }
    writeFileSync(join(directory, "m.gguf"), "<html>");
    expect(await problemsOf(join(directory, "m.gguf"))).toEqual(["m.gguf is no GGUF file"]);
    writeFileSync(join(directory, "m.gguf"), POINTER);
    expect((await problemsOf(join(directory, "m.gguf")))[0]).toContain("pointer of Git LFS");
  });

  it("that is split needs all its parts, whichever is named", async () => {
    const directory = tempDir();
    const part = (number: number) => join(directory, `m-0000${number}-of-00003.gguf`);
    for (const number of [1, 2, 3]) writeFileSync(part(number), "GGUF");
    expect(await lookAtModel(part(1))).toEqual(complete);
    rmSync(part(3));
    expect(await problemsOf(part(1))).toEqual(["m-00003-of-00003.gguf is not there"]);
    expect(await problemsOf(part(2))).toEqual(["m-00003-of-00003.gguf is not there"]);
  });

  it("is not whole while its own download lies beside it; another one's does not count", async () => {
    const directory = tempDir();
    writeFileSync(join(directory, "other.gguf.part"), "x");
    expect(await lookAtModel(join(directory, "m.gguf"))).toEqual({ ok: true, value: { state: "missing" } });
    writeFileSync(join(directory, "m.gguf.part"), "x");
    expect((await problemsOf(join(directory, "m.gguf")))[0]).toContain("m.gguf.part is a download");
    writeFileSync(join(directory, "m.gguf"), "GGUF");
    expect(await problemsOf(join(directory, "m.gguf"))).toHaveLength(1);
  });

  it("of a form that is not known is no permission, and neither is one that cannot be read", async () => {
    const directory = tempDir();
    writeFileSync(join(directory, "model.onnx"), "onnx");
    expect(await lookAtModel(join(directory, "model.onnx"))).toMatchObject({ ok: false, why: expect.stringContaining("not known here") });
    const loop = join(directory, "loop");
    symlinkSync(loop, loop);
    expect(await lookAtModel(loop)).toMatchObject({ ok: false, why: expect.stringContaining("ELOOP") });
  });

  it.skipIf(process.getuid?.() === 0)("that this account may not read cannot be looked at", async () => {
    const file = join(tempDir(), "m.gguf");
    writeFileSync(file, "GGUF");
    chmodSync(file, 0);
    expect(await lookAtModel(file)).toMatchObject({ ok: false, why: `EACCES reading ${file}` });
  });
});
