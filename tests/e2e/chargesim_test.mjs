// A busy simulated network against what its charge points say really happened.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { main, Network, Process, test, until } from './harness.mjs';

const run = promisify(execFile);

test('the ledger agrees with every simulated charge point to the watt-hour, through lost connections and kills', async () => {
  const network = await new Network().start();
  const truth = join(network.dir, 'truth.json');
  const sim = new Process('CHARGESIM', [
    '--url', network.url, '--charge-points', '12', '--seed', '7', '--speed', '600', '--duration', '3h',
    '--arrivals-per-hour', '4', '--meter-interval', '180', '--drops-per-hour', '3', '--faults-per-hour', '0.5', '--summary-json', truth]);
  const size = async () => Number((await network.ctl('log', 'list')).logs[0].generations[0].head.size);
  await until('traffic flows', async () => (await size()) > 300);
  await network.agent.kill();
  await network.startAgent();
  const before = await size();
  await until('traffic flows again', async () => (await size()) > before + 300);
  await network.ledger.kill();
  await network.startLedger();
  assert.equal(await sim.exited, 0, sim.stderr);

  const { transactions, drops, callErrors } = JSON.parse(readFileSync(truth));
  assert.ok(transactions.length > 30 && drops > 10, `${transactions.length} transactions, ${drops} drops`);
  assert.equal(callErrors, 0);
  await network.level();
  const { sessions } = await network.ctl('sessions', 'list');
  const { cdrs } = await network.ctl('cdrs', 'list');
  const happened = transactions.map((t) => {
    assert.ok(t.settled && t.transactionId > 0, JSON.stringify(t));
    return `${t.chargePoint} ${t.connector} ${t.transactionId} ${t.idTag} ${(t.meterStopWh - t.meterStartWh) * 1000}`;
  });
  const booked = sessions.map((s) => `${s.chargePointId} ${s.connectorId} ${s.transactionId} ${s.idTag} ${s.energyMwh}`);
  assert.deepEqual(booked.sort(), happened.sort());
  assert.equal(cdrs.length, sessions.length);
  assert.equal(new Set(transactions.map((t) => t.transactionId)).size, transactions.length);
  await network.stop();
});

test('tables line up and fit a hundred columns, and csv has a row for every item', async () => {
  const network = await new Network({ site: 'a-site-with-quite-a-long-name' }).start();
  const sim = new Process('CHARGESIM', [
    '--url', network.url, '--charge-points', '5', '--seed', '3', '--speed', '2000', '--duration', '2h',
    '--arrivals-per-hour', '6', '--faults-per-hour', '3', '--id-prefix', 'STATION-WITH-A-LONG-NAME']);
  assert.equal(await sim.exited, 0, sim.stderr);
  await network.level();
  const { sessions } = await network.ctl('sessions', 'list');
  const { cdrs } = await network.ctl('cdrs', 'list');
  const at = ['--ledger', network.ledgerAddress];
  for (const command of [['sites', 'list'], ['stations', 'list'], ['status'], ['sessions', 'list'], ['cdrs', 'list'],
    ['cdrs', 'show', cdrs[0].id], ['faults', 'list'], ['faults', 'top'],
    ['log', 'list'], ['log', 'entries', network.site, '--from', '3', '--count', '30'], ['log', 'head', network.site]]) {
    const { stdout } = await run(process.env.LEDGERCTL, [...at, ...command]);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length > 1, command.join(' '));
    for (const line of lines) assert.ok([...line].length <= 100, `${[...line].length} columns: ${line}`);
    const csv = (await run(process.env.LEDGERCTL, [...at, '--format', 'csv', ...command])).stdout;
    assert.equal(csv.trimEnd().split('\r\n').length, lines.length, command.join(' '));
  }
  assert.equal((await network.ctl('sessions', 'list', '--limit', '2')).sessions.length, 2);
  await network.stop();
});

await main();
