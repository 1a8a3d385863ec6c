// SPDX-License-Identifier: Apache-2.0
// Compiles AgentRewardPool.sol into the artifact that the program embeds (contracts/AgentRewardPool.json):
//
//   node compile.cjs NODE_MODULES SOURCE OUT
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

const NAME = "AgentRewardPool";

/// Part of the artifact. The metadata hash is left out so that equal code comes from equal code, whatever the comments.
const settings = {
  evmVersion: "shanghai",
  metadata: { appendCBOR: false },
  optimizer: { enabled: true, runs: 200 },
  viaIR: true,
};

function fail(message) {
  process.stderr.write(`compile.cjs: ${message}\n`);
  process.exit(1);
}

function loadCompiler(modules) {
  return require(path.resolve(modules, "solc"));
}

/// The compiler's output for the contract. `tolerated` is the severity of messages that are not a failure.
function compile(solc, sourceFile, withSettings, tolerated) {
  const input = {
    language: "Solidity",
    sources: { [`${NAME}.sol`]: { content: fs.readFileSync(sourceFile, "utf8") } },
    settings: {
      ...withSettings,
      outputSelection: { "*": { [NAME]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const messages = (output.errors || []).filter((entry) => entry.severity !== tolerated);
  if (messages.length > 0) {
    fail(`${sourceFile} does not compile cleanly:\n${messages.map((entry) => entry.formattedMessage).join("\n")}`);
  }
  return output.contracts[`${NAME}.sol`][NAME];
}

function artifact(solc, sourceFile) {
  // Warnings count: a source that compiles with a warning is not finished.
  const contract = compile(solc, sourceFile, settings, "none");
  return {
    contractName: NAME,
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    compiler: { version: solc.version(), settings },
    sourceSha256: crypto.createHash("sha256").update(fs.readFileSync(sourceFile)).digest("hex"),
  };
}

module.exports = { compile, loadCompiler, settings };

if (require.main === module) {
  const [modules, source, out] = process.argv.slice(2);
  if (!out) fail("usage: node compile.cjs NODE_MODULES SOURCE OUT");
  fs.writeFileSync(out, `${JSON.stringify(artifact(loadCompiler(modules), source), null, 2)}\n`);
}
