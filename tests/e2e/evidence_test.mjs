// Evidence as an auditor meets it: keys, checkpoints, proofs, an exported folder, and damage that is found and named.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, otherKey, Process, test, until } from './harness.mjs';

function ctl(...args) {
  return new Promise((resolve) => {
    execFile(process.env.LEDGERCTL, args, { maxBuffer: 1 << 26 },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

async function ok(...args) {
  const { code, stdout, stderr } = await ctl(...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function fails(message, ...args) {
  const { code, stderr, stdout } = await ctl(...args);
  assert.equal(code, 1, `${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  assert.match(stdout + stderr, message, `${args.join(' ')}: ${stdout}${stderr}`);
}

/** A site with some hundred entries, all held and cosigned. */
async function busy(options) {
  const network = await new Network(options).start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  for (let i = 0; i < 300; i += 1) await point.call('Heartbeat', {});
  await point.close();
  await network.level();
  await until('the newest checkpoint is cosigned', async () => {
    const note = (await ctl('--ledger', network.ledgerAddress, 'log', 'checkpoint', 'north')).stdout;
    const { logs: [log] } = await network.ctl('log', 'list');
    return note.split('\n')[1] === log.generations[0].head.size && note.includes('— chargeledger ');
  });
  return network;
}

async function keysOf(network) {
  const { keys } = await network.ctl('log', 'keys', 'north');
  const of = (role) => keys.find((key) => key.role === role).vkey;
  return { author: of('ROLE_AUTHOR'), holder: of('ROLE_HOLDER'), ledger: of('ROLE_LEDGER') };
}

test('a proof that the ledger gave is verified without it, and no other key or byte is accepted', async () => {
  const network = await busy();
  const at = ['--ledger', network.ledgerAddress];
  const { author, holder, ledger } = await keysOf(network);
  const [inclusion, earlier, consistency] = ['a', 'b', 'c'].map((name) => join(network.dir, name));
  await ok(...at, 'log', 'proof', 'inclusion', 'north', '--entry', '17', '--out', inclusion);
  await ok(...at, 'log', 'proof', 'inclusion', 'north', '--entry', '17', '--size', '100', '--out', earlier);
  writeFileSync(consistency, await ok(...at, 'log', 'proof', 'consistency', 'north', '--from', '100', '--to', '520'));
  const entries = await network.entries();
  await network.stop();

  assert.match(await ok('verify', 'proof', inclusion, '--key', author), /verified: this is entry 17 of the log/);
  const both = await ok('verify', 'proof', inclusion, '--key', holder, '--key', author);
  assert.ok(both.includes(entries[17].bytes), 'the proof carries the entry itself');
  assert.ok(both.includes(entries[17].leafHash));
  assert.match(both, /chargeledger \(cosignature\)/);
  // At sizes at which the author signed nothing the ledger answers for itself.
  assert.match(await ok('verify', 'proof', earlier, '--key', ledger), /size 100,/);
  await fails(/none of the 1 given keys signed/, 'verify', 'proof', earlier, '--key', author);
  assert.match(await ok('verify', 'proof', consistency, '--key', ledger), /only grew from 100 to 520 entries/);

  const proof = readFileSync(inclusion, 'utf8');
  for (const [what, changed] of [
    ['entry', proof.replace(/extra C/, 'extra D')], ['index', proof.replace('index 17', 'index 18')],
    ['hash', proof.replace(/index 17\n(.)/, (m, c) => `index 17\n${c === 'A' ? 'B' : 'A'}`)],
    ['signature', proof.slice(0, -20) + (proof.at(-20) === 'A' ? 'B' : 'A') + proof.slice(-19)]]) {
    assert.notEqual(changed, proof, what);
    writeFileSync(earlier, changed);
    await fails(/./, 'verify', 'proof', earlier, '--key', author, '--key', holder);
  }
  const stranger = 'chargeledger+ef1c6f04+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X';
  await fails(/none of the 1 given keys signed/, 'verify', 'proof', inclusion, '--key', stranger);
});

test('an exported log verifies from the bytes up, and a changed byte is named', async () => {
  const network = await busy();
  const { author, holder } = await keysOf(network);
  const dir = join(network.dir, 'export');
  const said = await ok('--ledger', network.ledgerAddress, 'log', 'export', 'north', dir);
  const proof = join(network.dir, 'proof');
  await ok('--ledger', network.ledgerAddress, 'log', 'proof', 'inclusion', 'north', '--entry', '300', '--out', proof);
  await fails(/not an empty folder/, '--ledger', network.ledgerAddress, 'log', 'export', 'north', dir);
  await network.stop();
  const size = Number(/wrote (\d+) entries/.exec(said)[1]);
  assert.ok(size > 600);
  assert.match(await ok('verify', 'tiles', dir, '--key', author, '--key', holder), new RegExp(`${size} entries in`));
  // And without a line of ours: the verifier that was written from docs/log_format.md.
  const verifier = join(dirname(fileURLToPath(import.meta.url)), '../conformance/verify.py');
  const independent = (...args) => promisify(execFile)('/usr/bin/python3', [verifier, ...args, '--key', author, '--key', holder]);
  assert.match((await independent('tiles', dir)).stdout, new RegExp(`${size} entries hash to the signed root`));
  assert.match((await independent('proof', proof)).stdout, /entry 300 is in it/);
  const bundle = join(dir, 'tile/entries/001');
  const bytes = readFileSync(bundle);
  // In a frame's text, where it leaves an entry that still parses.
  bytes[bytes.indexOf('"')] ^= 1;
  writeFileSync(bundle, bytes);
  await fails(/entry 256 does not hash/, 'verify', 'tiles', dir, '--key', author);
});

test('the keys are private, kept, and a site that comes with another key is refused', async () => {
  const network = await busy();
  const before = await keysOf(network);
  const key = join(network.dir, 'agent', 'signing_key.pem');
  assert.equal(statSync(key).mode & 0o777, 0o600);
  await network.agent.kill();
  await network.ledger.kill();
  await network.startLedger();
  await network.startAgent();
  await network.level();
  assert.deepEqual(await keysOf(network), before);
  await network.agent.stop();
  rmSync(key);
  writeFileSync(key, otherKey(), { mode: 0o600 });
  await network.startAgent();
  await until('the ledger refuses the new key', () => /give the agent its signing key back/.test(network.ledger.stderr));
  await network.stop();
});

test('fsck and scrub find nothing in a healthy directory and name the damage in another', async () => {
  const network = await busy({ ledgerArgs: ['--metrics-listen', '127.0.0.1:0'] });
  const agent = join(network.dir, 'agent');
  assert.match(await ok('--ledger', network.ledgerAddress, 'log', 'scrub', 'north'), /nothing is wrong/);
  await fails(/in use by process/, 'fsck', '--data-dir', agent);
  const metrics = await new Promise((resolve) => {
    get(`http://${/metrics on (\S+)/.exec(network.ledger.stdout)[1]}/metrics`, (response) => {
      let text = '';
      response.on('data', (data) => (text += data)).on('end', () => resolve(text));
    });
  });
  assert.match(metrics, /chargeledger_scrub_rounds_total\{[^}]*\} [1-9]/);
  assert.match(metrics, /chargeledger_scrub_findings\{[^}]*\} 0/);
  await network.stop();
  assert.match(await ok('fsck', '--data-dir', agent), /nothing is wrong\n2 logs checked, 0 findings/);

  // The write-ahead log that holds all of it is gone; RocksDB would open an empty log.
  const log = join(agent, 'log');
  for (const name of readdirSync(log).filter((file) => file.endsWith('.log'))) rmSync(join(log, name));
  await fails(/were acknowledged and are gone|nothing of this log|head file remembers|0 logs/, 'fsck', '--data-dir', agent);
  const refused = new Process('EDGE_AGENT', ['--site', 'north', '--data-dir', agent, '--ocpp-listen', '127.0.0.1:0']);
  assert.equal(await refused.exited, 1);
  assert.match(refused.stderr, /the head file remembers \d+ entries/);
});

test('a site whose newest entries were lost says so, goes on in a new generation, and the ledger has both', async () => {
  const network = await busy();
  // Opening again writes what there is into tables; then some more, which only the write-ahead log has.
  await network.agent.stop();
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  for (let i = 0; i < 20; i += 1) await point.call('Heartbeat', {});
  const { logs: [before] } = await network.ctl('log', 'list');
  await network.level();
  await network.agent.kill();
  const log = join(network.dir, 'agent', 'log');
  for (const name of readdirSync(log).filter((file) => file.endsWith('.log'))) rmSync(join(log, name));
  await network.startAgent();
  await until('the agent tells of the damage', () => /were acknowledged and are gone/.test(network.agent.stderr));
  await point.call('Heartbeat', {});
  await network.level();
  const { logs: [after] } = await network.ctl('log', 'list');
  assert.equal(after.generations.length, 2);
  assert.ok(Number(after.generations[0].head.size) >= Number(before.generations[0].head.size), 'the ledger lost nothing');
  const entries = await network.ctl('log', 'entries', 'north', '--generation', '2', '--count', '2');
  assert.equal(entries[1].entry.generationOpened.previousGeneration, 1);
  await point.close();
  await network.stop();
});

test('anybody\'s Merkle vectors are run, and each says whether it verifies', async () => {
  const network = { dir: (await new Network().start().then(async (n) => (await n.stop(), n))).dir };
  const file = join(network.dir, 'cases.json');
  const leaf = '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d';
  const second = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7';
  const root = 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125';
  const cases = [
    { name: 'tree', leaf_hashes: [leaf, second], root },
    { name: 'inclusion', leaf_hash: leaf, index: 0, size: 2, proof: [second], root },
    { name: 'consistency', from_size: 1, from_root: leaf, to_size: 2, to_root: root, proof: [second] },
    { name: 'wrong', leaf_hash: leaf, index: 1, size: 2, proof: [second], root, verifies: false },
  ];
  writeFileSync(file, JSON.stringify({ cases }));
  assert.match(await ok('verify', 'merkle', file), /case 0 tree: verifies[\s\S]*case 3 wrong: does not verify[\s\S]*4 cases, 0 not as/);
  cases[1].index = 1;
  cases.push({ name: 'half', leaf_hash: leaf });
  writeFileSync(file, JSON.stringify(cases));
  await fails(/case 1 inclusion: does not verify[\s\S]*case 4 half: does not verify: the field index is missing/, 'verify', 'merkle', file);
  writeFileSync(file, '{');
  const { code, stderr } = await ctl('verify', 'merkle', file);
  assert.notEqual(code, 0);
  assert.match(stderr, /no JSON array of cases/);
});

await main();
