// The agent under a public tester that was not written here: ocpp-ws-cli's compliance suite, its fuzzer and its load
// test. The agent lives through all of it, and each point where the tool sees a fault has a reason.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import WebSocket from 'ws';
import { ChargePoint, frame } from './charge_point.mjs';
import { main, Network, scratch, test, until } from './harness.mjs';

const tool = createRequire(import.meta.url).resolve('ocpp-ws-cli');

// Where the tool's view is not the standard's, or not ours, and why.
const DIFFERENCES = {
  'Server requires subprotocol':
    'OCPP-J 1.6 §3.1.2: the handshake completes without a subprotocol and the connection is closed at once; the tool ' +
    'looks at the handshake only',
  'Server rejects oversized frames (>128KB)':
    'no standard sets 128 KB; --max-frame-bytes is 256 KiB, and a larger message is closed with 1009 (bad_input_test)',
};
// OCPP-J 1.6 §4.2.3 spells the code FormationViolation; the tool wants FormatViolation.
const SPELLING = {
  'Server enforces MessageId is a string': '1.6 spells it FormationViolation',
  'Server rejects missing payload in CALL': '1.6 spells it FormationViolation',
  'Server rejects non-object payload in CALL': '1.6 spells it FormationViolation',
};
// OCPP-J 2.0.1 §4.2.3 gives RpcFrameworkError to a call whose message id cannot be read; the tool wants FormatViolation.
const UNREADABLE_ID = { 'Server enforces MessageId is a string': '2.0.1 has RpcFrameworkError for an id that cannot be read' };

/** Runs the tool until it ends, or `whileTrue` says that it is enough; gives its report. */
async function run(args, ended = () => false) {
  const dir = scratch();
  const child = spawn(process.execPath, [tool, ...args, '--report', 'json', '--report-dir', dir],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  let exited = false;
  child.on('exit', () => (exited = true));
  await until(`ocpp ${args[0]} has come to its end`, async () => exited || (await ended()), 240_000);
  if (!exited) child.kill('SIGINT');
  // Told to end, it writes its report; its load test then lives on.
  const report = await until(`ocpp ${args.join(' ')} has written its report: ${output.slice(-500)}`,
    () => readdirSync(dir).map((file) => JSON.parse(readFileSync(join(dir, file))))[0]);
  if (!exited) child.kill('SIGKILL');
  await until('it is gone', () => exited);
  return report;
}

async function assertAlive(network) {
  assert.equal(network.agent.code, undefined, network.agent.stderr.slice(-2000));
  const point = new ChargePoint(network.url, 'GOOD');
  await point.connect();
  assert.ok((await point.call('Heartbeat', {})).currentTime);
  await point.close();
}

async function received(network) {
  return (await network.frames()).filter((f) => f.direction === 'DIRECTION_RECEIVED').length;
}

for (const [protocol, differences] of [
  ['ocpp1.6', { ...DIFFERENCES, ...SPELLING }],
  ['ocpp2.0.1', { ...DIFFERENCES, ...UNREADABLE_ID }],
]) {
  test(`ocpp-ws-cli's suite finds nothing in ${protocol} but what is written down`, async () => {
    const network = await new Network().start();
    const report = await run(['test', '-e', network.url, '-i', 'TESTED', '-p', protocol, '--suite', 'all']);
    assert.ok(report.testResults.length >= 20);
    const found = report.testResults.filter((one) => !one.passed);
    for (const one of found) assert.ok(one.name in differences, `${one.name}: ${one.issue}`);
    await assertAlive(network);
    await network.level();
    await network.stop();
  });
}

test('a thundering herd of one identity, each saying some words and leaving, leaves the agent alive', async () => {
  const network = await new Network().start();
  for (let round = 0; round < 10; ++round) {
    const herd = Array.from({ length: 50 }, () => new Promise((resolve) => {
      const socket = new WebSocket(`${network.url}/HERD`, round % 2 ? 'ocpp1.6' : 'ocpp2.0.1');
      socket.on('open', () => {
        for (let i = 0; i < 3; ++i) socket.send(frame('Heartbeat', {}, `${round}-${i}`));
        if (Math.random() < 0.5) socket.terminate();
        else socket.close();
      });
      socket.on('error', () => {});
      socket.on('close', resolve);
    }));
    await Promise.all(herd);
  }
  await assertAlive(network);
  await network.level();
  const entries = await network.entries();
  const opened = entries.filter(({ entry }) => entry.connectionOpened?.chargePointId === 'HERD').length;
  const closed = entries.filter(({ entry }) => entry.connectionClosed?.chargePointId === 'HERD').length;
  assert.equal(opened, 500);
  assert.equal(closed, opened);
  await network.stop();
});

test('an agent that is stopped under a herd ends cleanly', async () => {
  const network = await new Network().start();
  let going = true;
  const knock = () => {
    if (!going) return;
    const socket = new WebSocket(`${network.url}/HERD`, 'ocpp1.6');
    socket.on('open', () => socket.send(frame('Heartbeat', {}, 'x')));
    socket.on('error', () => {});
    socket.on('close', () => setImmediate(knock));
  };
  for (let i = 0; i < 30; ++i) knock();
  await until('the herd is there', async () => (await received(network)) > 100);
  assert.equal(await network.agent.stop(), 0, network.agent.stderr.slice(-2000));
  going = false;
  await network.ledger.stop();
});

test("ocpp-ws-cli's fuzzer in flood mode leaves the agent alive, and what came is on record", async () => {
  const network = await new Network().start();
  await run(['fuzz', '-e', `${network.url}`, '-w', '8', '--flood'],
    async () => (await received(network)) > 2000);
  await assertAlive(network);
  await network.level();
  assert.ok((await received(network)) > 2000);
  await network.stop();
});

test("ocpp-ws-cli's load test of 200 clients is served", async () => {
  const network = await new Network().start();
  await run(['load-test', '-e', network.url, '-c', '200', '-r', '2'],
    async () => {
      const entries = await network.entries();
      return entries.filter(({ entry }) => entry.connectionOpened).length >= 200;
    });
  await assertAlive(network);
  await network.level();
  await network.stop();
});

await main();
