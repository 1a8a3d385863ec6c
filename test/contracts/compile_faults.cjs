// SPDX-License-Identifier: Apache-2.0
// Compiles many versions of the contract quickly, for the test of deliberate faults:
//
//   node compile_faults.cjs NODE_MODULES DIRECTORY     every NAME.sol in it becomes NAME.json
//
// Without viaIR, which takes three times as long: what is tested is what the contract does, not what it costs. And one
// process compiles them all, because loading the compiler takes as long as a compilation.
"use strict";
const fs = require("fs");
const path = require("path");
const { compile, loadCompiler, settings } = require("../../contracts/solidity/compile.cjs");

const [modules, directory] = process.argv.slice(2);
const solc = loadCompiler(modules);
for (const file of fs.readdirSync(directory).filter((name) => name.endsWith(".sol"))) {
  const source = path.join(directory, file);
  // A fault may leave a variable without use, which is a warning.
  const contract = compile(solc, source, { ...settings, viaIR: false }, "warning");
  fs.writeFileSync(source.replace(/sol$/, "json"), JSON.stringify({ bytecode: `0x${contract.evm.bytecode.object}` }));
}
