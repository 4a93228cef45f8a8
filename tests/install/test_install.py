#!/usr/bin/env python3
"""The library as its users get it: installed into a fresh prefix, moved, found by CMake and by
pkg-config, and packed; nothing is built but what users build.

The environment says where the build is: BUILD (its folder), CMAKE, CPACK, SOURCE (the
repository); CMAKE_GENERATOR, which cmake reads itself, is the build's own.
"""
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

BUILD, SOURCE = Path(os.environ["BUILD"]), Path(os.environ["SOURCE"])
CMAKE = os.environ["CMAKE"]
LLVM_MODULE = BUILD / "libsluice_llvm.so"


def run(*words, stdin="", **variables):
    done = subprocess.run([str(word) for word in words], input=stdin, text=True,
                          capture_output=True, env={**os.environ, **variables}, timeout=300,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        first = cls.root / "first"
        run(CMAKE, "--install", BUILD, "--prefix", first, "--strip")
        # A tree that is moved still works.
        cls.prefix = cls.root / "usr"
        first.rename(cls.prefix)
        cls.lib = next(cls.prefix.glob("lib*/**/libsluice.a")).parent

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def configure(self, source, *options):
        """A build folder of a project that finds the installed tree; its output if it fails."""
        build = self.root / f"build-{source.name}"
        shutil.rmtree(build, ignore_errors=True)
        run(CMAKE, "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_BUILD_TYPE=Release", *options)
        return build

    def example(self, name):
        build = self.configure(SOURCE / "examples" / name)
        run(CMAKE, "--build", build)
        return run(build / name)

    def test_c_program(self):
        out = self.example("embed_c")
        self.assertIn("star.slu:1:", out)
        self.assertIn("star(2) = 3.1304, star'(2) = 3.5776", out)

    def test_cpp_program(self):
        self.assertIn("3 kernels", self.example("embed_cpp"))

    def test_ahead_of_time(self):
        if not LLVM_MODULE.exists():
            self.skipTest("the LLVM back end is not built")
        run(CMAKE, "--install", BUILD, "--prefix", self.prefix, "--component", "llvm")
        build = self.configure(SOURCE / "examples" / "aot")
        run(CMAKE, "--build", build)
        lines = [line.split() for line in run(build / "aot").splitlines()]
        self.assertIn(["star", "-0.4472", "-0.4472", "-0.4472", "0.4472", "3.1304"], lines)
        self.assertIn(["quick", "-0.0643", "-0.1496", "0.0000", "0.8458", "1.9357"], lines)
        self.assertIn(["weights", "0.0003", "0.0058", "0.0158", "0.1166", "0.8615"], lines)
        self.assertRegex(run(CMAKE, "--build", build), "no work to do|Built target")
        library = build / "acts" / "libacts.a"
        self.assertNotRegex(run("nm", library).lower(), "llvm|xbyak|sluice")
        undefined = set(run("nm", "--undefined-only", "--format=posix", library).split()) - {"U"}
        self.assertFalse({name for name in undefined if not name.startswith(("acts_", str(library)))})
        # Without the module, a sentence and no files.
        name = next(self.lib.glob("libsluice_llvm.so"))
        name.rename(self.root / name.name)
        try:
            with self.assertRaisesRegex(AssertionError, "libsluice_llvm.so"):
                run(self.prefix / "bin" / "sluice", "compile", "-o", self.root / "none" / "acts",
                    "--functions", "relu")
            self.assertFalse((self.root / "none").exists())
        finally:
            (self.root / name.name).rename(name)

    def test_llvm_module(self):
        if not LLVM_MODULE.exists():
            self.skipTest("the LLVM back end is not built")
        for module in self.lib.glob("libsluice_llvm.so"):
            module.unlink()
        command = [self.prefix / "bin" / "sluice", "run", "relu", "--values", "-1,2", "--target", "llvm"]
        with self.assertRaisesRegex(AssertionError, "libsluice_llvm.so"):
            run(*command)
        run(CMAKE, "--install", BUILD, "--prefix", self.prefix, "--component", "llvm")
        self.assertEqual(run(*command), "0 2\n")

    def test_components_and_versions(self):
        project = self.root / "finds"
        project.mkdir()
        head = "cmake_minimum_required(VERSION 3.25)\nproject(finds LANGUAGES C)\n"
        lists = project / "CMakeLists.txt"
        for wanted, message in [("REQUIRED COMPONENTS gpu", "no component 'gpu'"), ("99 REQUIRED", "99")]:
            lists.write_text(f"{head}find_package(sluice {wanted})\n", encoding="utf-8")
            with self.assertRaisesRegex(AssertionError, message):
                self.configure(project)

    def test_adaptors(self):
        """Calls on other libraries' threads, by a program that finds both here."""
        project = self.root / "adaptors"
        project.mkdir()
        for name in ["openmp", "tbb"]:
            with self.subTest(adaptor=name):
                (project / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.25)\nproject(adaptors LANGUAGES C CXX)\n"
                    f"find_package(sluice REQUIRED COMPONENTS runtime OPTIONAL_COMPONENTS {name})\n"
                    f"if(NOT sluice_{name}_FOUND)\n  message(STATUS absent)\n  return()\nendif()\n"
                    "add_executable(adaptors main.cpp)\n"
                    f"target_link_libraries(adaptors PRIVATE sluice::{name})\n", encoding="utf-8")
                (project / "main.cpp").write_text(
                    f"#include <sluice/{name}.hpp>\n#include <sluice/sluice.hpp>\n"
                    f"int main() {{ return sluice::{name}_threads(2).threads == 2 ? 0 : 1; }}\n",
                    encoding="utf-8")
                build = self.configure(project)
                if not any(build.glob("CMakeFiles/adaptors.dir")):
                    print(f"skipped: install.adaptors: {name} is not installed")
                    continue
                run(CMAKE, "--build", build)
                run(build / "adaptors")

    def test_mpi_program(self):
        """The same text, to the last bit, on any number of ranks."""
        if shutil.which("mpirun") is None:
            print("skipped: install.mpi: MPI is not installed")
            return
        build = self.configure(SOURCE / "examples" / "embed_mpi")
        run(CMAKE, "--build", build)
        allow = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                 "OMPI_MCA_rmaps_base_oversubscribe": "1",
                 "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
        out = [run("mpirun", "-n", ranks, build / "embed_mpi", **allow) for ranks in range(1, 5)]
        self.assertEqual(out[0].count("loss"), 8)
        self.assertRegex(out[0], r"gradient [0-9a-f]{16}\n")
        self.assertEqual(out, [out[0]] * 4)

    def test_pkg_config(self):
        if shutil.which("pkg-config") is None:
            print("skipped: install.pkg_config: there is no pkg-config")
            return
        where = {"PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}
        source = SOURCE / "examples" / "embed_c" / "main.c"
        flags = run("pkg-config", "--cflags", "--libs", "sluice", **where).split()
        run("cc", "-std=c99", source, "-o", self.root / "shared", *flags)
        out = run(self.root / "shared", LD_LIBRARY_PATH=str(self.lib))
        self.assertIn("star(2) = 3.1304", out)
        flags = run("pkg-config", "--static", "--cflags", "--libs", "sluice", **where).split()
        flags = [str(self.lib / "libsluice.a") if flag == "-lsluice" else flag for flag in flags]
        run("cc", "-std=c99", source, "-o", self.root / "static", *flags)
        self.assertIn("star(2) = 3.1304", run(self.root / "static"))

    def test_headers_stand_alone(self):
        """Each header compiles by itself, in C or in C++ without exceptions and RTTI."""
        include = self.prefix / "include"
        in_c = ["cc", "-std=c99", "-x", "c"]
        in_cpp = ["c++", "-std=c++20", "-fno-exceptions", "-fno-rtti", "-x", "c++"]
        others = {"openmp.hpp", "tbb.hpp", "mpi.hpp"}  # test_adaptors, test_mpi_program
        for header in sorted((include / "sluice").iterdir()):
            if header.name in others:
                continue
            for words in [in_c, in_cpp] if header.suffix == ".h" else [in_cpp]:
                with self.subTest(header=header.name, compiler=words[0]):
                    run(*words, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I",
                        include, "-", stdin=f"#include <sluice/{header.name}>\nint one;\n")

    def test_command(self):
        command = self.prefix / "bin" / "sluice"
        if command.exists():
            self.assertIn("relu", run(command, "list"))

    def test_packages(self):
        packages = self.root / "packages"
        generators = ["TGZ"] + (["DEB"] if shutil.which("dpkg-shlibdeps") else [])
        run(os.environ["CPACK"], "--config", BUILD / "CPackConfig.cmake", "-B", packages, "-G",
            ";".join(generators))
        with tarfile.open(next(packages.glob("*.tar.gz"))) as archive:
            names = "\n".join(archive.getnames())
        self.assertIn("include/sluice/sluice.h", names)
        self.assertIn("sluice-config.cmake", names)
        if "DEB" in generators:
            listing = run("dpkg-deb", "--info", next(packages.glob("*.deb")))
            self.assertIn("Package: sluice", listing)
            self.assertRegex(listing, r"Depends: .*libstdc\+\+6")


if __name__ == "__main__":
    unittest.main()
