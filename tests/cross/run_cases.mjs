// What program.c is elsewhere: calls the kernels of calls.json in the folder that this runs in, of the
// module cases.wasm in the folder named, and writes their outputs to standard output.
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const { instantiate } = await import(pathToFileURL(join(folder, "cases.mjs")));
const source = new WebAssembly.Module(readFileSync(join(folder, "cases.wasm")));
if (WebAssembly.Module.imports(source).length !== 0) throw new Error("the module imports something");
const kernels = await instantiate(source);
if (kernels.exports.cases_available() !== 1) process.exit(3);

const arrays = {
  f32: Float32Array, f64: Float64Array, f16: Uint16Array, bf16: Uint16Array, i64: BigInt64Array, bool: Uint8Array,
};
const inputs = new Map();
function input(name, array) {
  if (!inputs.has(name)) {
    const bytes = readFileSync(name);
    inputs.set(name, new array(new Uint8Array(bytes).buffer));
  }
  return inputs.get(name);
}

for (const { symbol, columns, operands } of JSON.parse(readFileSync("calls.json", "utf8"))) {
  const given = operands.map(({ dtype, file, elements }) =>
    file === "" ? new arrays[dtype](elements) : input(file, arrays[dtype]));
  kernels[symbol](...given, ...(columns === 0 ? [] : [columns]));
  for (const [i, { file }] of operands.entries()) {
    if (file !== "") continue;
    const bytes = new Uint8Array(given[i].buffer);
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  }
}
