// What the end-to-end tests share: real processes on free ports in a fresh directory, and a runner that writes the
// test.xml that Bazel and tools/test count from.
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeAll } from './charge_point.mjs';

const run = promisify(execFile);
const started = new Set();
const tests = [];

/** A signing key that no process made: PEM of PKCS#8. */
export function otherKey() {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** Declares a test; its name is the sentence that it proves. */
export function test(name, body) {
  tests.push({ name, body });
}

/** Waits until `condition` gives something true, and returns that. Fails with `what` after a minute. */
export async function until(what, condition, timeoutMs = 60_000) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}${last ? `: ${last.message}` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One of our processes; `wrap` is a command that runs it. */
export class Process {
  constructor(binary, args, wrap = []) {
    this.binary = binary;
    this.args = args;
    const [command, ...rest] = [...wrap, process.env[binary], ...args];
    this.stdout = '';
    this.stderr = '';
    this.exited = new Promise((resolve) => {
      this.child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
      this.child.on('exit', (code, signal) => {
        this.code = code ?? signal;
        started.delete(this);
        resolve(this.code);
      });
    });
    this.child.stdout.on('data', (data) => (this.stdout += data));
    this.child.stderr.on('data', (data) => (this.stderr += data));
    started.add(this);
  }

  /** HOST:PORT from the line `listening on …`. */
  async address() {
    await until(`${this.binary} listens (${this.args.join(' ')})`, () => {
      if (this.code !== undefined) throw new Error(`it ended with ${this.code}: ${this.stderr}`);
      return /listening on \S+\n/.test(this.stdout);
    });
    return /listening on (\S+)/.exec(this.stdout)[1];
  }

  signal(name) {
    this.child.kill(name);
    return this.exited;
  }
  kill() {
    return this.signal('SIGKILL');
  }
  stop() {
    return this.signal('SIGTERM');
  }
}

export function scratch() {
  return mkdtempSync(join(process.env.TEST_TMPDIR ?? tmpdir(), 'e2e-'));
}

/** A ledger and one site, restartable on the ports and directories that they began with. */
export class Network {
  constructor({ site = 'north', agentArgs = [], ledgerArgs = [], agentWrap = [] } = {}) {
    this.agentWrap = agentWrap;
    this.dir = scratch();
    this.site = site;
    this.agentArgs = agentArgs;
    this.ledgerArgs = ledgerArgs;
    this.ledgerAddress = '127.0.0.1:0';
    this.agentAddress = '127.0.0.1:0';
  }

  async start() {
    await this.startLedger();
    await this.startAgent();
    return this;
  }
  async startLedger() {
    this.ledger = new Process('LEDGERD', [
      '--data-dir', join(this.dir, 'ledger'), '--listen', this.ledgerAddress, ...this.ledgerArgs]);
    this.ledgerAddress = await this.ledger.address();
  }
  async startAgent() {
    const args = ['--site', this.site, '--data-dir', join(this.dir, 'agent'), '--ocpp-listen', this.agentAddress];
    if (this.ledgerAddress !== '127.0.0.1:0') args.push('--ledger', this.ledgerAddress);
    this.agent = new Process('EDGE_AGENT', [...args, ...this.agentArgs], this.agentWrap);
    this.agentAddress = await this.agent.address();
  }
  async stop() {
    await this.agent?.stop();
    await this.ledger?.stop();
  }

  get url() {
    return `ws://${this.agentAddress}/ocpp`;
  }

  async ctl(...args) {
    const { stdout } = await run(process.env.LEDGERCTL, ['--ledger', this.ledgerAddress, '--format', 'json', ...args],
      { maxBuffer: 1 << 28 });
    return JSON.parse(stdout);
  }
  async entries() {
    return this.ctl('log', 'entries', this.site, '--count', '0');
  }
  /** Recorded frames: {direction, text, connection, sequence}. */
  async frames() {
    return (await this.entries())
      .filter(({ entry }) => entry.frameRecorded)
      .map(({ sequence, entry: { frameRecorded: f } }) => ({
        sequence: Number(sequence),
        station: f.chargePointId,
        direction: f.direction,
        binary: f.binary ?? false,
        connection: Number(f.connection ?? 0),
        text: Buffer.from(f.payload ?? '', 'base64').toString(),
      }));
  }
  /** Waits until the ledger holds, and has folded, all that the agent said it has, prices of its own among it. */
  async level() {
    // Who recorded before it met its ledger learns the prices after the heads are equal for the first time.
    await until('the site knows the prices', async () => {
      this.priced ||= (await this.entries()).some(({ entry }) => entry.knownFact);
      return this.priced;
    });
    return until('ledger and agent are level', async () => {
      const { logs: [log] } = await this.ctl('log', 'list');
      const head = log.generations.at(-1).head;
      const level = log.replicating && head.size === log.authorHead.size && head.root === log.authorHead.root &&
        log.projections.length > 0 && log.projections.every((p) => p.size === head.size);
      if (!level) return false;
      // What the ledger last heard of is not what the agent has by now: that it says itself.
      const { report } = await this.ctl('divergence', 'compare', this.site);
      const { author } = report.generations.at(-1);
      return author.size === head.size && author.root === head.root && log;
    });
  }
}

function escape(text) {
  return String(text).replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '');
}

/** Runs what was declared, one after the other. */
export async function main() {
  const cases = [];
  let failed = 0;
  for (const { name, body } of tests) {
    const began = Date.now();
    let failure = '';
    try {
      await body();
    } catch (error) {
      failure = error.stack ?? String(error);
      failed += 1;
      for (const process of started) failure += `\n--- ${process.binary}\n${process.stderr.slice(-3000)}`;
    }
    const seconds = (Date.now() - began) / 1000;
    console.log(`${failure ? 'FAILED' : 'ok'}: ${name} (${seconds} s)${failure ? `\n${failure}` : ''}`);
    cases.push(`<testcase name="${escape(name)}" time="${seconds}">${
      failure ? `<failure message="failed">${escape(failure)}</failure>` : ''}</testcase>`);
    for (const process of started) process.child.kill('SIGKILL');
    await closeAll();
  }
  if (process.env.XML_OUTPUT_FILE) {
    writeFileSync(process.env.XML_OUTPUT_FILE,
      `<?xml version="1.0"?><testsuites><testsuite name="e2e" tests="${cases.length}" failures="${failed}">${
        cases.join('')}</testsuite></testsuites>`);
  }
  process.exit(failed ? 1 : 0);
}

/** Removes a directory below a network's own. */
export function remove(...path) {
  rmSync(join(...path), { recursive: true });
}
