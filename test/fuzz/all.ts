import { configurationFiles, projectFiles } from './files.ts';
import type { Fuzzer } from './fuzzer.ts';
import { joinFrames } from './join-frames.ts';
import { paths } from './paths/properties.ts';
import { proxyHeaders } from './proxy-headers.ts';
import { registryDocuments } from './registry-documents.ts';
import { twoHops } from './two-hops.ts';

export const fuzzers: readonly Fuzzer[] = [twoHops, paths, joinFrames, registryDocuments, configurationFiles, projectFiles, proxyHeaders];
