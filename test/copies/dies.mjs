// Loaded before a program: it is killed at its Nth call that changes files, once it has set `armed`; a write has had half of its effect.
// A sync changes nothing that another process sees.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = Number(process.env.DIES_AT);
let calls = 0;
for (const name of ["mkdirSync", "openSync", "writeSync", "fchmodSync", "renameSync", "rmSync"]) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (globalThis.armed && ++calls === at) {
      if (name === "writeSync") real(args[0], args[1].subarray(0, args[1].length / 2));
      process.kill(process.pid, "SIGKILL");
    }
    return real(...args);
  };
}
syncBuiltinESMExports();
