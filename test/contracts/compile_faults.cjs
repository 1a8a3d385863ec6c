// SPDX-License-Identifier: Apache-2.0
// Compiles many versions of the contract quickly, for the test with deliberate faults:
//
//   node compile_faults.cjs NODE_MODULES DIRECTORY     every NAME.sol in it becomes NAME.json
//
// It leaves viaIR off, which would take three times as long: the test checks what the contract does, not what it costs.
// One process compiles them all, because loading the compiler takes as long as one compilation.
"use strict";
const fs = require("fs");
const path = require("path");
const { compile, loadCompiler, settings } = require("../../contracts/solidity/compile.cjs");

const [modules, directory] = process.argv.slice(2);
const solc = loadCompiler(modules);
for (const file of fs.readdirSync(directory).filter((name) => name.endsWith(".sol"))) {
  const source = path.join(directory, file);
  // A fault may leave a variable unused, which the compiler warns about.
  const contract = compile(solc, source, { ...settings, viaIR: false }, "warning");
  fs.writeFileSync(source.replace(/sol$/, "json"), JSON.stringify({ bytecode: `0x${contract.evm.bytecode.object}` }));
}
