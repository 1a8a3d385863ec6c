// SPDX-License-Identifier: Apache-2.0
// Compiles AgentRewardPool.sol into the artifact that the program embeds (contracts/AgentRewardPool.json).
//
//   node compile.cjs NODE_MODULES SOURCE OUT [SOURCE OUT]...
//
// One process compiles them all, because loading the compiler takes as long as a compilation.
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

function compile(solc, sourceFile) {
  const source = fs.readFileSync(sourceFile);
  const input = {
    language: "Solidity",
    sources: { [`${NAME}.sol`]: { content: source.toString("utf8") } },
    settings: { ...settings, outputSelection: { "*": { [NAME]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  // Warnings count: a source that compiles with a warning is not finished.
  const messages = (output.errors || []).map((entry) => entry.formattedMessage);
  if (messages.length > 0) fail(`${sourceFile} does not compile cleanly:\n${messages.join("\n")}`);
  const contract = output.contracts[`${NAME}.sol`][NAME];
  return {
    contractName: NAME,
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    compiler: { version: solc.version(), settings },
    sourceSha256: crypto.createHash("sha256").update(source).digest("hex"),
  };
}

const [modules, ...files] = process.argv.slice(2);
if (!modules || files.length === 0 || files.length % 2 !== 0) fail("usage: node compile.cjs NODE_MODULES SOURCE OUT [SOURCE OUT]...");
const solc = require(path.resolve(modules, "solc"));
for (let i = 0; i < files.length; i += 2) {
  fs.writeFileSync(files[i + 1], `${JSON.stringify(compile(solc, files[i]), null, 2)}\n`);
}
