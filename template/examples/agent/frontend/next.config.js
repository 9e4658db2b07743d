/** @type {import('next').NextConfig} */
export default {
  // A server with the packages that it uses and nothing else, in .next/standalone.
  output: 'standalone',
  // Where the packages lie, whatever lock files are in the folders above.
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
  // There are no pictures: the package that resizes them stays out.
  images: { unoptimized: true },
  outputFileTracingExcludes: { '*': ['node_modules/sharp/**', 'node_modules/@img/**'] },
  poweredByHeader: false,
}
