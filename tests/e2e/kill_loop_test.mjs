// kill -9 of the edge agent, hundreds of times, while charge points send as fast as they are answered. The model has a
// pending state: what was answered must be in the log exactly once; what was in flight may be there, once; nothing else may.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { main, Network, test, until } from './harness.mjs';

const run = promisify(execFile);
const KILLS = Number(process.env.KILLS ?? 300);
const POINTS = 6;

// The moments of the kills come from one seed, so that a failure can be tried again.
let state = Number(process.env.SEED ?? 20260301);
function random(below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state % below;
}

/** Sends one call after the other, each only once, and remembers which were answered. */
class Sender {
  constructor(network, name) {
    this.network = network;
    this.name = name;
    this.next = 0;
    this.sent = new Set();
    this.answered = new Map();
    this.stopped = false;
    this.connect();
  }

  connect() {
    if (this.stopped) return;
    const socket = new WebSocket(`${this.network.url}/${this.name}`, 'ocpp1.6');
    this.socket = socket;
    socket.on('open', () => this.send(socket));
    socket.on('message', (data) => {
      const answer = String(data);
      const call = `${this.name}/${this.next}`;
      assert.equal(JSON.parse(answer)[1], call);
      this.answered.set(this.text, answer);
      this.send(socket);
    });
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(() => this.connect(), 5));
  }

  send(socket) {
    if (this.stopped) return socket.close();
    this.next += 1;
    this.text = JSON.stringify([2, `${this.name}/${this.next}`, 'MeterValues',
      { connectorId: 1, meterValue: [{ timestamp: '2026-03-01T12:00:00Z', sampledValue: [{ value: String(this.next) }] }] }]);
    this.sent.add(this.text);
    socket.send(this.text);
  }

  stop() {
    this.stopped = true;
    this.socket.close();
  }
}

async function fsck(directory) {
  const { stdout } = await run(process.env.LEDGERCTL, ['fsck', '--data-dir', directory], { maxBuffer: 1 << 26 });
  assert.match(stdout, / 0 findings\n$/);
}

test(`after ${KILLS} kill -9 under load every answered message is in the central log exactly once`, async () => {
  const network = await new Network().start();
  const points = Array.from({ length: POINTS }, (_, i) => new Sender(network, `CP-${i}`));
  const answers = () => points.reduce((sum, point) => sum + point.answered.size, 0);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const before = answers();
    await until('messages are answered again', () => answers() > before);
    await new Promise((resolve) => setTimeout(resolve, random(30)));
    await network.agent.kill();
    if (kill % 25 === 0) {
      await network.ledger.kill();
      await network.startLedger();
    }
    await network.startAgent();
  }
  const last = answers();
  await until('messages are answered after the last kill', () => answers() > last + POINTS);
  for (const point of points) point.stop();
  await until('the last answers have come', () => points.every((point) => point.socket.readyState === point.socket.CLOSED));
  await network.level();

  const recorded = new Map();
  for (const { text } of await network.frames()) recorded.set(text, (recorded.get(text) ?? 0) + 1);
  const known = new Set();
  for (const point of points) {
    for (const [call, answer] of point.answered) {
      assert.equal(recorded.get(call), 1, `answered, but recorded ${recorded.get(call)} times: ${call}`);
      assert.equal(recorded.get(answer), 1, `told, but recorded ${recorded.get(answer)} times: ${answer}`);
    }
    for (const call of point.sent) {
      assert.ok((recorded.get(call) ?? 0) <= 1, `recorded twice: ${call}`);
      known.add(call);
      known.add(JSON.stringify([3, JSON.parse(call)[1], {}]));
    }
  }
  for (const text of recorded.keys()) assert.ok(known.has(text), `recorded, but never sent: ${text}`);
  const boots = (await network.entries()).filter(({ entry }) => entry.logOpened).length;
  assert.equal(boots, KILLS + 1);
  console.log(`${answers()} messages answered in ${boots} boots`);
  await network.stop();
  await fsck(join(network.dir, 'agent'));
  await fsck(join(network.dir, 'ledger'));
});

await main();
