import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, onPath, run as runProgram } from '../../tools/debian-packages.ts';
import { eventually } from '../../tools/eventually.ts';
import { freePort } from '../../tools/free-port.ts';
import { listening } from '../../tools/listening.ts';
import { ownFolder } from '../../tools/own-folder.ts';
import type { Owner } from '../../tools/owner.ts';

const run = promisify(execFile);
const source = (file: string) => join(import.meta.dirname, 'targets', file);

/** A server that answers `SECRET` to what it reads as `/admin` or below, and `open` to all else. */
export interface PathTarget {
  readonly name: string;
  /** `HOST:PORT` */
  readonly address: string;
}

/** Programs on Node.js, which read `request.url` in the three ways that are common. */
export async function nodeTargets(owner: Owner): Promise<PathTarget[]> {
  const readings: Record<string, (url: string) => string> = {
    'node-url': (url) => decodeURIComponent(new URL(url, 'http://localhost').pathname),
    'node-decodes-first': (url) => new URL(decodeURIComponent(url), 'http://localhost').pathname,
    'node-split': (url) => decodeURIComponent(url.split('?', 1)[0] as string),
  };
  return Promise.all(
    Object.entries(readings).map(async ([name, pathOf]) => {
      const server = createServer((request, response) => {
        try {
          const segments = pathOf(request.url ?? '')
            .split('/')
            .filter((segment) => segment !== '');
          response.end(segments[0] === 'admin' ? 'SECRET\n' : 'open\n');
        } catch {
          response.writeHead(400).end('bad\n');
        }
      });
      server.keepAliveTimeout = 120_000;
      return { name, address: await listening(owner, server) };
    }),
  );
}

/** nginx, and Python's `wsgiref`, if the machine has them. */
export async function installedTargets(owner: Owner): Promise<PathTarget[]> {
  const nginx = await onPath('nginx');
  const python = await onPath('python3');
  return Promise.all([...(nginx ? [nginxTarget(owner, nginx)] : []), ...(python ? [wsgiTarget(owner, 'wsgiref', python, '')] : [])]);
}

/** Gunicorn, Waitress, Tomcat, Jetty and Go, from Debian's packages; Tomcat and Jetty need `java` and `javac`. */
export async function debianTargets(owner: Owner): Promise<PathTarget[]> {
  const packages = await unpacked('paths-python', 'usr/bin/gunicorn', ['gunicorn', 'python3-gunicorn', 'python3-waitress']);
  const python = { program: '/usr/bin/python3', path: join(packages, 'usr/lib/python3/dist-packages') };
  const targets = [
    await wsgiTarget(owner, 'gunicorn', python.program, python.path),
    await wsgiTarget(owner, 'waitress', python.program, python.path),
    await goTarget(owner),
  ];
  const tomcat = await javaTarget(owner, 'TomcatTarget', 'tomcat10', 'usr/share/tomcat10/bin/catalina.sh', [
    'tomcat10-common',
    'libtomcat10-java',
    'libeclipse-jdt-core-java',
  ]);
  const jetty = await javaTarget(owner, 'JettyTarget', 'jetty9', 'usr/share/jetty9/bin/jetty.sh', [
    'jetty9',
    'libjetty9-java',
    'libjetty9-extra-java',
    'libservlet-api-java',
  ]);
  for (const mode of [[], ['lenient']]) {
    targets.push(await started(owner, ['tomcat', ...mode].join('-'), 'java', (port) => [...tomcat, ownFolder(owner), `${port}`, ...mode]));
    targets.push(await started(owner, ['jetty', ...mode].join('-'), 'java', (port) => [...jetty, `${port}`, ...mode]));
  }
  return targets;
}

async function nginxTarget(owner: Owner, program: string): Promise<PathTarget> {
  const folder = ownFolder(owner);
  return started(owner, 'nginx', program, (port) => {
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit; events {}
http {
  access_log off; keepalive_timeout 120s;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join(' ')}
  server { listen 127.0.0.1:${port}; location / { return 200 "open\\n"; } location = /admin { return 200 "SECRET\\n"; } location /admin/ { return 200 "SECRET\\n"; } }
}\n`,
    );
    return ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'];
  });
}

function wsgiTarget(owner: Owner, server: string, python: string, path: string): Promise<PathTarget> {
  return started(owner, server, python, (port) => [source('wsgi_target.py'), server, `${port}`], { PYTHONPATH: path });
}

async function goTarget(owner: Owner): Promise<PathTarget> {
  const root = join(await unpacked('paths-go', 'usr/lib/go-1.19/bin/go', ['golang-1.19-go', 'golang-1.19-src']), 'usr/lib/go-1.19');
  const program = join(ownFolder(owner), 'target');
  const env = { ...process.env, GOROOT: root, GOCACHE: join(root, '../../../../build'), GOFLAGS: '-mod=mod' };
  await run(join(root, 'bin/go'), ['build', '-o', program, source('target.go')], { cwd: root, env });
  return started(owner, 'go', program, (port) => [`${port}`]);
}

/** Compiles a target in Java; returns the arguments of `java` that start it. */
async function javaTarget(owner: Owner, type: string, name: string, path: string, packages: readonly string[]): Promise<string[]> {
  const jars = join(await unpacked(`paths-${name}`, path, packages), 'usr/share/java');
  const classes = ownFolder(owner);
  const used = readdirSync(jars).filter((file) => new RegExp(`^(?:${name}|servlet-api).*\\.jar$`).test(file) && !file.includes('embed'));
  const classPath = [classes, ...used.map((file) => join(jars, file))].join(':');
  await run('javac', ['-nowarn', '-cp', classPath, '-d', classes, source(`${type}.java`)]);
  return ['-cp', classPath, type];
}

/** Unpacks Debian packages into `.cache`, and returns the folder. @param path a program in them */
async function unpacked(name: string, path: string, packages: readonly string[]): Promise<string> {
  const download = (folder: string) => runProgram('apt-get', ['download', ...packages], { cwd: folder });
  const variable = `SLUICE_TEST_${name.replaceAll('-', '_').toUpperCase()}`;
  process.env[variable] ??= 'fetch';
  const { program } = await findProgram({ name, commands: [], path, variable, download });
  return program.slice(0, -path.length - 1);
}

async function started(
  owner: Owner,
  name: string,
  program: string,
  args: (port: number) => readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PathTarget> {
  const port = await freePort();
  const child = spawn(program, args(port), { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000);
  });
  owner.teardown(() => ended(child));
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
  await eventually(
    async () => ((await listens()) ? 'listens' : child.exitCode === null ? 'starts' : `ended: ${errors}`),
    (state) => state !== 'starts',
    { what: `${name} to listen` },
  ).then((state) => {
    if (state !== 'listens') throw new Error(`${name} ${state}`);
  });
  return { name, address: `127.0.0.1:${port}` };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
