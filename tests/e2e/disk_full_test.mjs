// A disk that fills up under real processes: each has a small file system of its own, in a mount namespace of its own, and
// the test fills it through /proc.
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, scratch, test, until } from './harness.mjs';

const MIB = 1 << 20;

/** A process whose --data-dir is on a file system of `mib` MiB that no one else uses; `full`: filled before it starts. */
class Confined extends Process {
  constructor(binary, mib, args, full = false) {
    const disk = join(scratch(), 'disk');
    mkdirSync(disk);
    super(binary, ['--data-dir', join(disk, 'data'), ...args],
      ['unshare', '-rm', 'sh', '-c', `mount -t tmpfs -o size=${mib}m tmpfs ${disk} && ${
        full ? `{ dd if=/dev/zero of=${disk}/filler bs=64k 2>/dev/null; true; } && ` : ''}exec "$@"`, 'sh']);
    this.disk = disk;
  }

  get inside() {
    return `/proc/${this.child.pid}/root${this.disk}`;
  }
  /** Leaves at most `bytes` free. */
  fill(bytes = 0) {
    const file = openSync(join(this.inside, 'filler'), 'a');
    const block = Buffer.alloc(1 << 16, 'x');
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.inside);
        const left = bavail * bsize - bytes;
        if (left <= 0) break;
        writeSync(file, block, 0, Math.min(block.length, left));
      }
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
    } finally {
      closeSync(file);
    }
  }
  empty() {
    rmSync(join(this.inside, 'filler'));
  }
}

/** A network whose agent is confined. */
async function confined(mib, ...args) {
  const network = new Network();
  await network.startLedger();
  network.agent = new Confined('EDGE_AGENT', mib,
    ['--site', 'north', '--ocpp-listen', '127.0.0.1:0', '--ledger', network.ledgerAddress, ...args]);
  network.agentAddress = await network.agent.address();
  return network;
}

function status(url) {
  return new Promise((resolve) => {
    const asked = request(url.replace('ws:', 'http:'), {
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13,
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol': 'ocpp1.6' } });
    asked.on('response', (response) => resolve(response.resume().statusCode));
    asked.on('upgrade', (response, socket) => (socket.destroy(), resolve(101)));
    asked.on('error', () => resolve(0));
    asked.end();
  });
}

// The store takes space ahead: small messages would fit into that for long.
const LARGE = { vendorId: 'v', data: 'x'.repeat(60_000) };

/** Talks until the agent has noticed that its disk is full, and it stays so. */
async function exhaust(network, point) {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const { agent } = network;
  const full = () => agent.stderr.lastIndexOf('nothing can be recorded') > agent.stderr.lastIndexOf('replicating to');
  await until('the agent notices', async () => {
    agent.fill();
    for (let i = 0; i < 50 && !full(); i += 1) {
      await Promise.race([point.call('DataTransfer', LARGE).catch(() => {}), pause(100)]);
    }
    if (!full()) return false;
    // What a store has taken ahead is free once it is closed: the agent may have found it before this did.
    agent.fill();
    await pause(1500);
    return full();
  }, 300_000);
}

async function gaps(network) {
  await network.level();
  return (await network.entries()).map(({ entry }) => entry.recordingGap).filter(Boolean);
}

async function assertAllRecorded(network, point) {
  const recorded = (await network.frames()).map(({ text }) => text);
  for (const { call, answer } of point.answered) {
    assert.equal(recorded.filter((text) => text === call).length, 1, call.slice(0, 200));
    assert.equal(recorded.filter((text) => text === answer).length, 1, answer.slice(0, 200));
  }
}

test('below the reserve nobody may begin to charge, what has begun is recorded on, and space lifts the ban', async () => {
  const network = await confined(96, '--reserve-bytes', String(8 * MIB));
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  const start = { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: '2026-03-01T12:00:00Z' };
  const { transactionId } = await point.call('StartTransaction', start);
  network.agent.fill(4 * MIB);
  await until('new transactions are refused', async () =>
    (await point.call('Authorize', { idTag: 'T' })).idTagInfo.status === 'Blocked');
  assert.equal((await point.call('StartTransaction', { ...start, connectorId: 2 })).idTagInfo.status, 'Blocked');
  await point.call('MeterValues', { connectorId: 1, transactionId,
    meterValue: [{ timestamp: '2026-03-01T12:10:00Z', sampledValue: [{ value: '100' }] }] });
  await point.call('StopTransaction', { transactionId, meterStop: 200, timestamp: '2026-03-01T12:20:00Z' });
  network.agent.empty();
  await until('new transactions are accepted', async () =>
    (await point.call('Authorize', { idTag: 'T' })).idTagInfo.status === 'Accepted');
  await network.level();
  await assertAllRecorded(network, point);
  await point.close();
  await network.stop();
});

test('an agent that is started on a full disk turns charge points away, and records once there is space', async () => {
  const network = new Network();
  await network.startLedger();
  network.agent = new Confined('EDGE_AGENT', 96,
    ['--site', 'north', '--ocpp-listen', '127.0.0.1:0', '--ledger', network.ledgerAddress,
      '--reserve-bytes', String(8 * MIB)], true);
  network.agentAddress = await network.agent.address();
  assert.equal(await status(`${network.url}/CP-1`), 503);
  network.agent.empty();
  await until('charge points are let in', async () => (await status(`${network.url}/CP-1`)) === 101);
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  assert.ok((await point.call('Heartbeat', {})).currentTime);
  await point.close();
  const [gap] = await gaps(network);
  assert.ok(Number(gap.refused) >= 1);
  await assertAllRecorded(network, point);
  await network.stop();
});

test('with a full disk charge points are turned away, and with space the agent goes on without a restart', async () => {
  const network = await confined(256);
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await point.call('Heartbeat', {});
  await exhaust(network, point);
  await until('a connection is refused with 503', async () => (await status(`${network.url}/CP-2`)) === 503);
  assert.equal(network.agent.code, undefined, 'the agent lives');
  network.agent.empty();
  await until('messages are answered again', () => point.call('Heartbeat', {}).then(() => true));
  const gap = (await gaps(network)).at(-1);
  assert.match(gap.reason, /disk was full/);
  assert.ok(Number(gap.refused) >= 1);
  assert.ok(Number(gap.toUs) > Number(gap.fromUs));
  assert.equal(gap.unrecordedFrames ?? '0', '0');
  await assertAllRecorded(network, point);
  await point.close();
  await network.stop();
});

test('if the operator chose so, a full disk answers without a record, and the gap is recorded', async () => {
  const network = await confined(256, '--when-full', 'unrecorded');
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await point.call('Heartbeat', {});
  await exhaust(network, point);
  const lost = new ChargePoint(network.url, 'CP-2');
  await lost.connect();
  for (let i = 0; i < 5; i += 1) await lost.call('Heartbeat', {});
  const { transactionId } = await lost.call('StartTransaction',
    { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: '2026-03-01T12:00:00Z' });
  assert.ok(transactionId > 1_000_000_000, 'an id that the log will never give');
  network.agent.empty();
  await until('the agent records again', async () => (await gaps(network)).length > 0);
  const gap = (await gaps(network)).at(-1);
  assert.equal(gap.unrecorded.find(({ chargePointId }) => chargePointId === 'CP-2').frames, '6');
  await lost.close();
  await point.close();
  await network.stop();
});

test('a ledger with a full disk answers queries, takes nothing, and goes on when there is space', async () => {
  const network = new Network();
  network.ledger = new Confined('LEDGERD', 256, ['--listen', '127.0.0.1:0']);
  network.ledgerAddress = await network.ledger.address();
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await point.call('Heartbeat', {});
  await network.level();
  network.ledger.fill();
  const full = () => /nothing can be taken in/.test(network.ledger.stderr);
  await until('the ledger notices', async () => {
    for (let i = 0; i < 50 && !full(); i += 1) await point.call('DataTransfer', LARGE);
    return full();
  }, 300_000);
  assert.equal((await network.ctl('log', 'list')).logs.length, 1);
  for (let i = 0; i < 50; i += 1) await point.call('Heartbeat', {});
  network.ledger.empty();
  await network.level();
  await assertAllRecorded(network, point);
  await point.close();
  await network.stop();
});

await main();
