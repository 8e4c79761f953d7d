// For each message that ocpp/ reads: instances made from the JSON schema that ocpp-rpc carries, valid ones and ones with
// one thing wrong, are read or refused alike. The schema's verdict is Ajv's; ours comes from ocpp_check.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Ajv = require('ajv');
const addFormats = require('ajv-formats');

// Actions of 2.0.1 that ocpp/v201.h leaves out: certificates, display, monitoring, reports, customers.
const LEFT_OUT = new Set(['CertificateSigned', 'ClearDisplayMessage', 'ClearVariableMonitoring', 'CustomerInformation',
  'DeleteCertificate', 'Get15118EVCertificate', 'GetBaseReport', 'GetCertificateStatus', 'GetDisplayMessages',
  'GetInstalledCertificateIds', 'GetMonitoringReport', 'GetReport', 'InstallCertificate', 'NotifyCustomerInformation',
  'NotifyDisplayMessages', 'NotifyMonitoringReport', 'SetDisplayMessage', 'SetMonitoringBase', 'SetMonitoringLevel',
  'SetNetworkProfile', 'SetVariableMonitoring', 'SignCertificate']);
const PROTOCOLS = [
  { name: 'ocpp1.6', file: 'ocpp1_6', reads: () => true },
  { name: 'ocpp2.0.1', file: 'ocpp2_0_1', reads: (action) => !LEFT_OUT.has(action) },
  { name: 'ocpp2.1', file: 'ocpp2_1', reads: (action) => action === 'TransactionEvent' },
];

class Maker {
  constructor(definitions) { this.definitions = definitions ?? {}; }

  resolve(schema) { return schema.$ref ? this.definitions[schema.$ref.split('/').pop()] : schema; }

  // The smallest instance, or the one with every field.
  make(reference, full) {
    const schema = this.resolve(reference);
    if (schema.enum) return schema.enum[0];
    if (schema.properties || schema.type === 'object') {
      const required = new Set(schema.required);
      return Object.fromEntries(Object.entries(schema.properties ?? {})
        .filter(([key]) => full || required.has(key)).map(([key, inner]) => [key, this.make(inner, full)]));
    }
    switch (schema.type) {
      case 'string': return schema.format === 'uri' ? 'ftp://host/path' : schema.format === 'date-time' ? '2026-11-20T21:46:00.5+01:00' : 'x'.repeat(Math.min(schema.maxLength ?? 3, 3));
      case 'integer': return Math.max(schema.minimum ?? 1, 1);
      case 'number': return schema.minimum ?? 1.5;
      case 'boolean': return true;
      case 'array': return Array.from({ length: Math.max(schema.minItems ?? 1, 1) }, () => this.make(schema.items, full));
      default: return { any: [1, 'thing'] };
    }
  }

  // Every place below `value` with its schema, as [holder, key, schema].
  *places(reference, value) {
    const schema = this.resolve(reference);
    if (schema.properties) {
      for (const [key, inner] of Object.entries(schema.properties)) {
        if (!(key in value)) continue;
        yield [value, key, this.resolve(inner), schema];
        yield* this.places(inner, value[key]);
      }
    }
    if (schema.type === 'array') for (const item of value) yield* this.places(schema.items, item);
  }
}

// What may stand at a place instead: right and wrong alike, the schema says which.
function alternatives(schema) {
  if (schema.enum) return [...schema.enum, 'Nonsense', schema.enum[0].toLowerCase(), 7, null];
  switch (schema.type) {
    case 'string': {
      if (schema.format === 'date-time') return ['yesterday', '2026-11-20', '2026-13-20T00:00:00Z', '2026-11-20T21:46:00', '2026-11-20T21:46:00Z', 5];
      const most = schema.maxLength ?? 100;
      return ['x'.repeat(most), 'ä'.repeat(most), ...(schema.maxLength ? ['x'.repeat(most + 1), 'ä'.repeat(most + 1)] : []), '', 7, false, {}, [], null];
    }
    case 'integer': return [0, 3, -1, 7.5, '7', true, {}, null, ...[schema.minimum, schema.maximum].filter((x) => x !== undefined).flatMap((x) => [x - 1, x, x + 1])];
    // Tenths that a quotient of doubles tells to be none, such as 16.7, would be judged wrongly by Ajv.
    case 'number': return [0, 0.1, 12.34, 16.5, -3, '7.5', true, [], null];
    case 'boolean': return [false, 'true', 1, null];
    case 'array': return [[], 'x', {}, ...(schema.maxItems ? [null] : [])];
    default: return schema.properties ? ['x', 5, [], null] : [];
  }
}

const clone = (value) => structuredClone(value);

function* instances(schema) {
  const maker = new Maker(schema.definitions);
  for (const full of [false, true]) {
    const base = maker.make(schema, full);
    yield base;
    yield { ...base, somethingElse: 1 };
    yield { ...base, customData: { vendorId: 'me', more: [1] } };
    yield { ...base, customData: {} };
    const places = [...maker.places(schema, base)].length;
    for (let i = 0; i < places; i++) {
      const at = () => { const copy = clone(base); return [copy, [...maker.places(schema, copy)][i]]; };
      const [without, [holder, key]] = at();
      delete holder[key];
      yield without;
      const [, [, , inner]] = at();
      for (const value of alternatives(inner)) {
        const [copy, [place, name]] = at();
        place[name] = value;
        yield copy;
      }
      if (inner.type === 'array') {
        const length = inner.maxItems === undefined ? 3 : inner.maxItems + 1;
        const [copy, [place, name]] = at();
        if (length <= 2000) place[name] = Array.from({ length }, () => clone(place[name][0]));
        yield copy;
      }
      if (inner.properties) {
        const [copy, [place, name]] = at();
        place[name].unknownField = 'x';
        yield copy;
      }
    }
  }
}

let total = 0, valid = 0, messages = 0;
const wrong = [];
for (const protocol of PROTOCOLS) {
  const schemas = require(`ocpp-rpc/lib/schemas/${protocol.file}.json`);
  const cases = [];
  for (const schema of schemas) {
    const match = /^urn:(.*?)(\.req|\.conf|Request|Response)$/.exec(schema.$id);
    if (!match || !protocol.reads(match[1])) continue;
    messages++;
    const ajv = new Ajv({ strict: false });
    addFormats(ajv);
    const validate = ajv.compile({ ...schema, $id: undefined });
    const kind = /req/i.test(match[2]) ? 'request' : 'response';
    for (const instance of instances(schema)) cases.push({ action: match[1], kind, instance, valid: validate(instance) });
  }
  const input = cases.map((c) => [protocol.name, c.action, c.kind, JSON.stringify(c.instance)].join('\t')).join('\n') + '\n';
  const run = spawnSync(process.env.OCPP_CHECK, { input, encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.equal(run.status, 0, run.stderr);
  const verdicts = run.stdout.trimEnd().split('\n');
  assert.equal(verdicts.length, cases.length);
  cases.forEach((c, i) => {
    total++;
    valid += c.valid;
    if ((verdicts[i] === 'valid') !== c.valid) {
      wrong.push(`${protocol.name} ${c.action} ${c.kind}: the schema says ${c.valid ? 'valid' : 'invalid'}, we say "${verdicts[i]}": ${JSON.stringify(c.instance).slice(0, 300)}`);
    }
  });
}
console.log(`${messages} messages, ${total} instances, ${valid} of them valid, ${wrong.length} judged differently`);
console.log(wrong.slice(0, 40).join('\n'));
assert.ok(messages >= 78 + 84 + 2 && valid > 1000 && total - valid > 1000);
assert.equal(wrong.length, 0);
