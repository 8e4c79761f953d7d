// How the processes behave towards those who run them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, scratch, test } from './harness.mjs';

function run(binary, ...args) {
  return new Promise((resolve) => {
    execFile(process.env[binary], args, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

test('a second process on a data directory is told who has it', async () => {
  const network = await new Network().start();
  const ledger = await run('LEDGERD', '--data-dir', join(network.dir, 'ledger'), '--listen', '127.0.0.1:0');
  assert.notEqual(ledger.code, 0);
  assert.match(ledger.stderr, new RegExp(`in use by process ${network.ledger.child.pid}`));
  const agent = await run('EDGE_AGENT', '--site', 'north', '--data-dir', join(network.dir, 'agent'), '--ocpp-listen', '127.0.0.1:0');
  assert.notEqual(agent.code, 0);
  assert.match(agent.stderr, new RegExp(`in use by process ${network.agent.child.pid}`));
  await network.stop();
});

test('SIGTERM stops both processes cleanly, and what was open is recorded as closed', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await point.call('Heartbeat', {});
  assert.equal(await network.agent.stop(), 0);
  assert.equal(await network.ledger.stop(), 0);
  await network.startLedger();
  await network.startAgent();
  await network.level();
  const closes = (await network.entries()).map((e) => e.entry.connectionClosed).filter(Boolean);
  assert.equal(closes[0].reason, 'REASON_SHUTDOWN');
  await point.close();
  await network.stop();
});

test('a data directory of another site is refused by name', async () => {
  const network = await new Network().start();
  await network.agent.stop();
  const other = await run('EDGE_AGENT', '--site', 'south', '--data-dir', join(network.dir, 'agent'), '--ocpp-listen', '127.0.0.1:0');
  assert.equal(other.code, 1);
  assert.match(other.stderr, /operator\/north/);
  await network.ledger.stop();
});

test('mistakes in flags and configuration are named with their place', async () => {
  const dir = scratch();
  const config = join(dir, 'config.toml');
  writeFileSync(config, '[billing]\ncurrency = "EUR"\nprise_per_kwh = "0.3"\n');
  const cases = [
    ['LEDGERD', ['--data-dir', dir, '--config', config], /line 3: unknown key `billing\.prise_per_kwh`/],
    ['LEDGERD', ['--data-dir', dir, '--billing-price-per-kwh', 'cheap'], /price_per_kwh is "cheap"/],
    ['LEDGERD', ['--data-dir', dir, '--billing-currency', 'EURO'], /currency is "EURO"/],
    ['LEDGERD', ['--data-dir', dir, '--listen', 'here'], /--listen is "here"/],
    ['LEDGERD', [], /--data-dir/],
    ['EDGE_AGENT', ['--data-dir', dir, '--site', 'a b'], /--site is "a b"/],
    ['EDGE_AGENT', ['--data-dir', dir, '--site', 'a', '--max-frame-bytes', '1'], /--max-frame-bytes is "1"/],
    ['EDGE_AGENT', ['--data-dir', dir, '--site', 'a', '--ledger', 'x'], /--ledger is "x"/],
    ['EDGE_AGENT', ['--no-such'], /--no-such/],
    ['LEDGERCTL', ['--ledger', 'x', 'sites', 'list'], /--ledger is "x"/],
    ['LEDGERCTL', ['sessions', 'list', '--state', 'half'], /--state is "half"/],
    ['LEDGERCTL', ['sessions', 'list', '--flag', 'x'], /missing_stop/],
    ['CHARGESIM', ['--duration', 'long'], /--duration is "long"/],
    ['CHARGESIM', ['--url', 'http://x'], /--url is "http:\/\/x"/],
  ];
  for (const [binary, args, message] of cases) {
    const { code, stderr } = await run(binary, ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(stderr, message, args.join(' '));
  }
});

test('a configuration file sets what flags do not', async () => {
  const dir = scratch();
  const config = join(dir, 'ledger.toml');
  writeFileSync(config, `data_dir = "${join(dir, 'from-file')}"\nlisten = "127.0.0.1:0"\n[billing]\nprice_per_kwh = "1.00"\n`);
  const ledger = new Process('LEDGERD', ['--config', config]);
  await ledger.address();
  assert.equal(await ledger.stop(), 0);
});

test('every flag is explained by --help', async () => {
  for (const [binary, flags] of [
    ['LEDGERD', ['--data-dir', '--listen', '--config', '--billing-currency']],
    ['EDGE_AGENT', ['--site', '--data-dir', '--ocpp-listen', '--ledger', '--config']],
    ['CHARGESIM', ['--url', '--charge-points', '--seed', '--speed', '--duration']]]) {
    const { code, stdout } = await run(binary, '--help');
    assert.equal(code, 0);
    for (const flag of flags) assert.ok(stdout.includes(flag), `${binary} ${flag}`);
  }
});

test('a ledger that is not there, and a name that it does not know, are told plainly', async () => {
  const gone = await run('LEDGERCTL', '--ledger', '127.0.0.1:1', 'sites', 'list');
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /the ledger at 127\.0\.0\.1:1 does not answer/);
  const network = await new Network().start();
  await network.level();
  for (const [args, message] of [
    [['sessions', 'show', 'x'], /session id is "x"/],
    [['sessions', 'show', '0123456789ab-1-1'], /no session 0123456789ab-1-1/],
    [['cdrs', 'show', 'x'], /CDR id is "x"/],
    [['log', 'head', 'nowhere'], /no log is called "nowhere"/],
    [['log', 'head', 'north', '--size', '99999999'], /99999999 is beyond it/],
    [['log', 'entries', 'north', '--generation', '7'], /no generation 7/],
    [['stations', 'list', '--site', 'nowhere'], /no site is called "nowhere"/]]) {
    const { code, stderr } = await run('LEDGERCTL', '--ledger', network.ledgerAddress, ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(stderr, message);
  }
  await network.stop();
});

await main();
