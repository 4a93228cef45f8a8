"""Tests that check_layers finds each kind of violation at its line and leaves lawful code alone."""
import tempfile
import unittest
from pathlib import Path

from check_layers import MAX_LINES, violations


class CheckLayers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for path in ["support/hash.hpp", "dsl/ast.hpp", "compiler/ir/graph.hpp",
                     "compiler/backend/x64/emit.hpp", "compiler/backend/interpreter/run.hpp",
                     "tools/npy.hpp", "support/include/sluice/status.hpp",
                     "runtime/include/sluice/sluice.hpp"]:
            self.write(path, "")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def found_in(self, path, text):
        """Line numbers of the violations that `text` has when it stands at `path`."""
        self.write(path, text)
        lines = [v for v in violations(self.root) if v.startswith(path + ":")]
        return [int(v.split(":")[1]) for v in lines]

    def test_lawful_tree_is_clean(self):
        self.write("dsl/parser.cpp", '#include "dsl/ast.hpp"\n#include "support/hash.hpp"\n'
                                     "#include <sluice/status.hpp>\n#include <vector>\n")
        self.write("compiler/backend/x64/emit.cpp", "#include <xbyak/xbyak.h>\n"
                                                    '#include "compiler/ir/graph.hpp"\n')
        self.write("tests/unit/dsl/test_ast.cpp", "#include <catch2/catch.hpp>\n"
                                                  '#include "dsl/ast.hpp"\n')
        self.write("tests/unit/tools/test_npy.cpp", '#include "tools/npy.hpp"\n')
        self.write("examples/digits/net.hpp", "")
        self.write("examples/digits/main.cpp", "#include <sluice/sluice.hpp>\n"
                                               '#include "net.hpp"\n#include <Eigen/Core>\n')
        self.assertEqual(violations(self.root), [])

    def test_upward_include(self):
        self.assertEqual(self.found_in("dsl/parser.cpp",
                                       '// a\n#include "compiler/ir/graph.hpp"\n'), [2])
        self.assertEqual(self.found_in("support/log.cpp", "#include <sluice/sluice.hpp>\n"), [1])
        self.write("tools/bench.cpp", '#include "bench/measure/measure.hpp"\n')
        self.write("bench/measure/measure.hpp", "")
        self.assertEqual(self.found_in("bench/measure/a.cpp", '#include "tools/npy.hpp"\n'), [1])
        self.assertEqual(self.found_in("runtime/cache.cpp", '#include "tools/npy.hpp"\n'), [1])

    def test_table_files_are_read_too(self):
        self.assertEqual(self.found_in("support/x.def", '#include "dsl/ast.hpp"\n'), [1])

    def test_backends_do_not_see_each_other(self):
        self.assertEqual(self.found_in("compiler/backend/x64/a.cpp",
                                       '#include "compiler/backend/interpreter/run.hpp"\n'), [1])

    def test_third_party_has_its_place(self):
        for path, header in [("compiler/driver/a.cpp", "xbyak/xbyak.h"),
                             ("compiler/backend/x64/a.cpp", "llvm/IR/Module.h"),
                             ("runtime/a.cpp", "fmt/format.h"), ("bench/a.cpp", "mpfr.h"),
                             ("tools/a.cpp", "Eigen/Core")]:
            with self.subTest(header=header):
                self.assertEqual(self.found_in(path, f"\n  # include <{header}>\n"), [2])

    def test_embedders_see_the_public_interface_alone(self):
        for folder in ["examples", "docs", "python"]:
            with self.subTest(folder=folder):
                self.assertEqual(self.found_in(f"{folder}/a.cpp", '#include "support/hash.hpp"\n'),
                                 [1])
        self.assertEqual(self.found_in("examples/b/c.cpp", '#include "../../dsl/ast.hpp"\n'), [1])

    def test_public_headers_include_public_headers_alone(self):
        self.assertEqual(self.found_in("runtime/include/sluice/a.hpp",
                                       '#include <sluice/status.hpp>\n#include "dsl/ast.hpp"\n'),
                         [2])
        self.assertEqual(self.found_in("support/include/sluice/b.hpp",
                                       "#include <sluice/sluice.hpp>\n"), [1])

    def test_unknown_quoted_include(self):
        self.assertEqual(self.found_in("dsl/a.cpp", '#include "dsl/no_such.hpp"\n'), [1])

    def test_length(self):
        long = "\n" * (MAX_LINES + 1)
        for path in ["dsl/long.cpp", "tests/long.py", "cmake/long.cmake", "tests/CMakeLists.txt"]:
            with self.subTest(path=path):
                self.assertEqual(self.found_in(path, long), [MAX_LINES + 1])
        self.assertEqual(self.found_in("dsl/table.def", long), [])
        self.assertEqual(self.found_in("dsl/just.cpp", "\n" * MAX_LINES), [])


if __name__ == "__main__":
    unittest.main()
