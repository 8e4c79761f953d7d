// Replication over links that are thin, slow or gone, and what a site keeps when the ledger has it.
import assert from 'node:assert/strict';
import { createConnection, createServer } from 'node:net';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, test, until } from './harness.mjs';
import { join } from 'node:path';

/** A TCP relay of so many bits a second and so much delay each way, as a cellular modem is one. */
class Link {
  constructor(target, bitsPerSecond, delayMs) {
    this.bytes = { up: 0, down: 0 };
    this.sockets = new Set();
    this.server = createServer((near) => {
      const [host, port] = target.split(':');
      const far = createConnection({ host, port: Number(port) });
      this.pump(near, far, 'up', bitsPerSecond, delayMs);
      this.pump(far, near, 'down', bitsPerSecond, delayMs);
    });
  }
  listen() {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${this.server.address().port}`)));
  }
  pump(from, to, way, bitsPerSecond, delayMs) {
    this.sockets.add(from);
    // When the modem is through with what it has taken.
    let free = 0;
    from.on('data', (data) => {
      this.bytes[way] += data.length;
      free = Math.max(free, Date.now()) + (data.length * 8000) / bitsPerSecond;
      from.pause();
      setTimeout(() => from.resume(), free - Date.now());
      setTimeout(() => to.destroyed || to.write(data), free - Date.now() + delayMs);
    });
    from.on('error', () => {});
    from.on('close', () => to.destroy());
  }
  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** What a charge point says, one message after the other. */
async function talk(point, count, from = 0) {
  for (let i = from; i < from + count; i += 1) {
    await point.call('MeterValues', { connectorId: 1, transactionId: 1,
      meterValue: [{ timestamp: new Date(Date.UTC(2026, 2, 1, 0, 0, 10 * i)).toISOString(), sampledValue: [
        { value: String(1000 + 17 * i), context: 'Sample.Periodic', measurand: 'Energy.Active.Import.Register', unit: 'Wh' },
        { value: String(7000 + ((i * 7919) % 400)), context: 'Sample.Periodic', measurand: 'Power.Active.Import', unit: 'W' }] }] });
  }
}

test('over 50 kbit/s with 600 ms of delay a site that was offline makes steady progress and becomes level', async () => {
  const network = new Network();
  await network.startLedger();
  const ledger = network.ledgerAddress;
  network.ledgerAddress = '127.0.0.1:0';
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await talk(point, 3000);
  await network.agent.stop();
  const link = new Link(ledger, 50_000, 300);
  network.ledgerAddress = await link.listen();
  await network.startAgent();
  network.ledgerAddress = ledger;
  const sizes = [];
  await until('the ledger has all of it', async () => {
    const { logs } = await network.ctl('log', 'list');
    const log = logs.find((l) => l.site === 'north');
    const size = Number(log?.generations[0].head.size ?? 0);
    if (size !== sizes.at(-1)) sizes.push(size);
    return log && size > 6000 && size === Number(log.authorHead.size);
  }, 120_000);
  // A slow machine asks seldom: nothing yet, some of it twice at least, all of it.
  assert.ok(sizes.length > 3, `it came in many steps: ${sizes}`);
  const streams = (network.ledger.stderr.match(/replicates from entry/g) ?? []).length;
  assert.ok(streams <= 3, `on few streams: ${streams}`);
  await until('messages still get through', () => point.call('Heartbeat', {}));
  await point.close();
  await network.stop();
  link.close();
});

test('a site that catches up sends at most 15 % of the raw frames', async () => {
  const network = new Network();
  await network.startLedger();
  const ledger = network.ledgerAddress;
  network.ledgerAddress = '127.0.0.1:0';
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await talk(point, 4000);
  await point.close();
  await network.agent.stop();
  const link = new Link(ledger, 100_000_000, 0);
  network.ledgerAddress = await link.listen();
  await network.startAgent();
  network.ledgerAddress = ledger;
  await network.level();
  const { up, down } = link.bytes;
  const raw = (await network.frames()).reduce((sum, { text }) => sum + text.length, 0);
  console.log(`catching up: ${up} bytes up and ${down} down for ${raw} bytes of frames: ${(100 * (up + down) / raw).toFixed(1)} %`);
  assert.ok(up + down < 0.15 * raw, `${up} + ${down} of ${raw}`);
  await network.stop();
  link.close();
});

test('a site drops old entries only when the ledger has cosigned them, and can still compare, prove and start', async () => {
  // Nothing is younger than no day at all: whatever is sealed and cosigned goes.
  const network = new Network({ agentArgs: ['--keep-seconds', '1'] });
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await talk(point, 2500);
  await point.close();
  const fsck = async () => {
    await network.agent.stop();
    const check = new Process('LEDGERCTL', ['fsck', '--data-dir', join(network.dir, 'agent')]);
    assert.equal(await check.exited, 0, check.stdout + check.stderr);
    return check.stdout;
  };
  assert.match(await fsck(), /nothing is wrong/);
  // Without a ledger nothing was cosigned, so nothing was dropped; with one, all that is sealed goes.
  await network.startLedger();
  await network.startAgent();
  await network.level();
  await until('entries were dropped', () => /dropped \d+ entries/.test(network.agent.stderr));
  const { report } = await network.ctl('divergence', 'compare', 'north');
  assert.equal(report.generations[0].kind, 'DIVERGENCE_KIND_UNSPECIFIED');
  const before = (await network.frames()).length;
  assert.match(await fsck(), /nothing is wrong/);
  await network.startAgent();
  const again = new ChargePoint(network.url, 'CP-2');
  await again.connect();
  await talk(again, 10);
  await network.level();
  assert.equal((await network.frames()).length, before + 20, 'the ledger has them all');
  await again.close();
  await network.stop();
});

await main();
