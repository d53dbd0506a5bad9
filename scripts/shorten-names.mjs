// Gives the imports and exports of the WebAssembly names of one or two letters, in it and in the JavaScript that loads
// it. wasm-bindgen names each import with a random number, which no compression makes shorter: together with the names
// that is 3 % of what the page loads.
//
// It takes the folder that cargo-leptos made. The files get new names, because their names stand for their content, and
// are compressed anew.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = process.argv[2];
const find = (ending) => {
  const found = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (found.length !== 1) throw new Error(`${folder} has ${found.length} files that end with ${ending}, not one`);
  return join(folder, found[0]);
};
const [wasm, js] = [find(".wasm"), find(".js")];

// Binaryen prints the names that it gave, as JSON.
const short = `${wasm}.short`;
const features = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
const pass = "--minify-imports-and-exports-and-modules";
const printed = execFileSync("wasm-opt", [wasm, ...features.map((feature) => `--enable-${feature}`), pass, "-o", short]);
const { imports, exports } = JSON.parse(printed);
renameSync(short, wasm);

let code = readFileSync(js, "utf8");
const replace = (old, fresh) => {
  const parts = code.split(old);
  code = parts.join(fresh);
  return parts.length - 1;
};
// The longest first: some begin with the name of another.
const longestFirst = (names) => names.toSorted(([one], [other]) => other.length - one.length);
for (const [old, fresh] of longestFirst(imports.map(([, old, fresh]) => [`${old}:`, `${fresh}:`]))) {
  if (replace(old, fresh) !== 1) throw new Error(`${js} does not define ${old} once`);
}
for (const [old, fresh] of longestFirst(exports)) replace(`.${old}`, `.${fresh}`);
const modules = [...new Set(imports.map(([module]) => module))];
if (modules.length !== 1 || replace(`"${modules[0]}":`, "a:") !== 1) throw new Error(`${js} does not import ${modules} once`);
writeFileSync(js, code);

for (const file of [wasm, js]) {
  const content = readFileSync(file);
  const hash = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const renamed = file.replace(/\.[\w-]{22}\./, `.${hash}.`);
  if (renamed === file) throw new Error(`${file} has no hash in its name`);
  for (const ending of ["", ".br", ".gz"]) rmSync(file + ending, { force: true });
  writeFileSync(renamed, content);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  writeFileSync(`${renamed}.br`, brotliCompressSync(content, { params }));
  writeFileSync(`${renamed}.gz`, gzipSync(content, { level: 9 }));
}
