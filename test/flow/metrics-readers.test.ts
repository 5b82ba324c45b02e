import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { parse } from 'yaml';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Scrape } from '../tools/scrape.ts';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

const fileOf = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string) => readFileSync(fileOf(name), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

/** Lists the metrics that a query names, without the suffixes of histograms. */
function namesIn(query: string, types: ReadonlyMap<string, string>): string[] {
  const names = query.match(/\b(?:sluice|process|nodejs)_[a-z_]+/g) ?? [];
  return names.map((name) => {
    const base = name.replace(/_(bucket|count|sum)$/, '');
    return types.get(base) === 'histogram' ? base : name;
  });
}

function overlap({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

test('the documentation, the Grafana dashboard and the alerts name metrics that exist, and the documentation names all of them', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t);
  const gateway = await startGateway(t, 'a', balancer.control);
  const { listen } = await gateway.logged(({ msg }) => msg === 'gateway listens');
  await balancer.api('POST', '/v1/projects', echoProject(target.url, '1'));
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
  const policies = { proxyRequest: [{ apiKey: { keys: ['a'] } }] };
  await balancer.api('POST', '/v1/projects', { name: 'locked', basePath: '/locked', policies, targets: { default: { url: target.url } } });
  await balancer.api('PUT', '/v1/environments/production/deployments/locked', {});
  await serving(balancer, ['a']);
  const wanted = { '/echo/x': 200, '/locked': 401, '/nowhere': 404, '/.sluice/ready': 404 };
  for (const [path, wantedStatus] of Object.entries(wanted)) {
    await eventually(
      () => fetch(`http://${balancer.address}${path}`),
      ({ status }) => status === wantedStatus,
    );
  }
  const texts = await Promise.all(
    [`${balancer.control}/metrics`, `http://${listen}/.sluice/metrics`].map(async (url) => (await fetch(url)).text()),
  );
  const scrapes = texts.map((text) => new Scrape(text));
  const types = new Map(scrapes.flatMap((scrape) => [...scrape.types]));
  t.ok(types.size > 70, `${types.size} metrics`);

  t.test('docs/metrics.md', async (t) => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `([a-z_]+)` +\| (\w+) +\| ([^|]*?) +\| (.*?) +\|$/gm)];
    const documented = new Map(rows.map(([, name = '', type, labels = '', help]) => [name, { type, labels: labels.split(', '), help }]));
    t.strictSame([...documented.keys()].sort(), [...types.keys()].sort());
    for (const [name, type] of types) t.equal(documented.get(name)?.type, type, name);
    const helps = new Map(texts.flatMap((text) => [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help]) => [name, help])));
    // Both roles have this metric; the text below the table says what it means for each.
    helps.delete('sluice_ready');
    for (const [name, help] of helps) t.equal(documented.get(name)?.help, help, name);
    for (const scrape of scrapes) {
      for (const [name, labels] of scrape.labels) {
        const unknown = [...labels].filter((label) => label !== 'le' && !documented.get(name)?.labels.includes(label));
        t.strictSame(unknown, [], name);
        if (labels.size === 0) t.match(documented.get(name)?.labels.join(), /^–?$/, `${name} has no labels`);
      }
    }
  });

  t.test('config/grafana/sluice.json', async (t) => {
    const { panels, templating } = JSON.parse(read('config/grafana/sluice.json')) as {
      panels: Panel[];
      templating: { list: { name: string; type: string; definition?: string }[] };
    };
    const queries = panels.flatMap(({ targets = [] }) => targets);
    t.ok(queries.length > 40);
    for (const { expr, datasource } of queries) {
      t.strictSame(
        namesIn(expr, types).filter((name) => !types.has(name)),
        [],
        expr,
      );
      t.equal(datasource.uid, '$' + '{datasource}');
    }
    const variables = new Set(templating.list.map(({ name }) => name));
    t.equal(templating.list[0]?.type, 'datasource');
    const used = queries.flatMap(({ expr }) => [...expr.matchAll(/"\$(\w+)"/g)].map(([, name = '']) => name));
    t.strictSame(
      [...new Set(used)].filter((name) => !variables.has(name)),
      [],
    );
    for (const { definition = '' } of templating.list)
      t.strictSame(
        namesIn(definition, types).filter((name) => !types.has(name)),
        [],
      );
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'panel ids are unique');
    const overlapping = panels.flatMap((one, index) => panels.slice(index + 1).filter((other) => overlap(one, other)));
    t.strictSame(
      overlapping.map(({ title }) => title),
      [],
    );
    t.strictSame(
      panels.filter(({ type }) => type === 'row').map(({ title }) => title),
      ['Overview', 'Environments', 'Servers', 'Gateways and projects', 'Registry and processes'],
    );
  });

  t.test('config/prometheus', async (t) => {
    const { groups } = parse(read('config/prometheus/alerts.yml')) as {
      groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    for (const { alert, expr, annotations } of rules) {
      t.strictSame(
        namesIn(expr, types).filter((name) => !types.has(name)),
        [],
        alert,
      );
      t.ok(annotations['summary'] && annotations['description'], 'each alert says what happened and what to do');
    }
    const { scrape_configs: jobs } = parse(read('config/prometheus/prometheus.yml')) as {
      scrape_configs: { http_sd_configs?: { url: string }[] }[];
    };
    const discovery = new URL(jobs.flatMap(({ http_sd_configs = [] }) => http_sd_configs)[0]?.url ?? '');
    t.equal((await fetch(balancer.control + discovery.pathname)).status, 200);
  });

  t.test('promtool', async (t) => {
    if (spawnSync('promtool', ['--version']).error) return t.comment('promtool is not installed: not checked by Prometheus itself');
    for (const text of texts) t.match(spawnSync('promtool', ['check', 'metrics'], { input: text }), { status: 0 });
    t.match(spawnSync('promtool', ['check', 'config', fileOf('config/prometheus/prometheus.yml')]), { status: 0 });
  });
});
