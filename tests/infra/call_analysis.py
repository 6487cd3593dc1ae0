"""Static analysis of the AWS calls that a function can make, on every path of its source.

A small points-to analysis. Types come from annotations, constructors and `client("service")`. A method of a
port leads to the adapters that are constructed on the way. A container has the types of its elements.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("workflow", "lambdas", "review_app")
DYNAMIC = "rekognition"  # Its adapter passes the operation's name as a constant to a method of its own.
WRAPPED = {"SSMProvider": "ssm"}  # A Powertools provider. Its `get` reads one parameter.
Types = frozenset[str]
NOTHING: Types = frozenset()


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call of a service. For DynamoDB, `holder` and `table` are the class and field that name the table."""

    service: str
    operation: str
    holder: str = ""
    table: str = ""


@dataclass
class Module:
    """Top-level functions, classes and imports of a module."""

    name: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, "Class"] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


@dataclass
class Class:
    """A class with its methods, its annotated fields and its bases."""

    name: str
    module: Module
    methods: dict[str, ast.FunctionDef]
    fields: dict[str, ast.expr]
    bases: list[ast.expr]

    @property
    def qualified(self) -> str:
        return f"{self.module.name}.{self.name}"

    @property
    def is_port(self) -> bool:
        return any(ast.unparse(base).endswith("Protocol") for base in self.bases)


@cache
def load_modules() -> dict[str, Module]:
    """Load every module of the packages that run on AWS."""
    found = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = _module(name, ast.parse(file.read_text(encoding="utf-8")))
    return found


def _module(name: str, tree: ast.Module) -> Module:
    module = Module(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            module.imports.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            pairs = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            module.imports.update(pairs)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            module.functions[node.name] = node  # type: ignore[assignment]
        elif isinstance(node, ast.ClassDef):
            methods = {member.name: member for member in node.body if isinstance(member, ast.FunctionDef)}
            fields = {
                member.target.id: member.annotation
                for member in node.body
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name)
            }
            module.classes[node.name] = Class(node.name, module, methods, fields, node.bases)
    return module


@dataclass
class CallAnalysis:
    """The code that is reachable from functions, and the calls in it."""

    modules: dict[str, Module]
    calls: set[ServiceCall] = field(default_factory=set)
    constructed: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    env: dict[str, Types] = field(default_factory=dict)

    def of(self, module: str, function: str) -> set[ServiceCall]:
        """Return the calls that a function can make. Repeat until no more adapters are found."""
        before = -1
        while before != len(self.constructed):
            before = len(self.constructed)
            self.seen.clear()
            self._enter(self.modules[module].functions[function], self.modules[module], None)
        return self.calls

    def everything(self, package: str) -> set[ServiceCall]:
        """Return the calls that any function or method of a package can make."""
        before = -1
        while before != len(self.constructed):
            before = len(self.constructed)
            self.seen.clear()
            for name, module in self.modules.items():
                if name.split(".")[0] == package:
                    for function in module.functions.values():
                        self._enter(function, module, None)
                    for owner in module.classes.values():
                        for method in owner.methods.values():
                            self._enter(method, module, owner)
        return self.calls

    def _enter(self, node: ast.FunctionDef, module: Module, owner: Class | None) -> None:
        key = (module.name + (f".{owner.name}" if owner else ""), node.name)
        if key in self.seen:
            return
        self.seen.add(key)
        saved, self.env = self.env, self._parameters(node, module, owner)
        scope = _Scope(self, module, owner)
        for _ in range(2):  # Closures may use names before they are bound.
            scope.bind(node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                scope.call(inner)
            elif isinstance(inner, ast.Attribute):
                scope.read(inner)
            elif isinstance(inner, ast.Dict):
                scope.item(inner)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                self.strings.add(inner.value)
        self.env = saved

    def _parameters(self, node: ast.FunctionDef, module: Module, owner: Class | None) -> dict[str, Types]:
        env: dict[str, Types] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.arg) and inner.annotation is not None:
                env[inner.arg] = env.get(inner.arg, NOTHING) | self.named(inner.annotation, module)
        if owner and node.args.args:
            env[node.args.args[0].arg] = frozenset({owner.qualified})
        return env

    def named(self, annotation: ast.expr, module: Module) -> Types:
        """Return our own classes that an annotation names, at any depth."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        found = set()
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name | ast.Attribute):
                known = self.find_class(ast.unparse(node), module)
                if known:
                    found.add(known.qualified)
        return frozenset(found)

    def find_class(self, text: str, module: Module) -> Class | None:
        """Return the class behind a name in a module."""
        if text in module.classes:
            return module.classes[text]
        head, _, rest = text.partition(".")
        full = module.imports.get(head, "") + (f".{rest}" if rest else "")
        return self.class_of(full)

    def class_of(self, qualified: str) -> Class | None:
        home, _, name = qualified.rpartition(".")
        return self.modules[home].classes.get(name) if home in self.modules else None

    def find_function(self, text: str, module: Module) -> tuple[ast.FunctionDef, Module] | None:
        """Return the top-level function behind a name in a module."""
        if text in module.functions:
            return module.functions[text], module
        head, _, rest = text.partition(".")
        full = module.imports.get(head, "") + (f".{rest}" if rest else "")
        home, _, name = full.rpartition(".")
        there = self.modules.get(home)
        return (there.functions[name], there) if there and name in there.functions else None

    def methods(self, qualified: str, name: str) -> Iterator[tuple[ast.FunctionDef, Class]]:
        """Yield the methods that a call on this type runs. A port's method leads to its adapters' methods."""
        owner = self.class_of(qualified)
        if owner is None:
            return
        if owner.is_port:
            port_methods = self._all_methods(owner)
            for adapter in [self.class_of(type_name) for type_name in sorted(self.constructed)]:
                if adapter and not adapter.is_port and port_methods <= self._all_methods(adapter):
                    yield from self.methods(adapter.qualified, name)
        elif name in owner.methods:
            yield owner.methods[name], owner
        else:
            for base in self._bases(owner):
                yield from self.methods(base.qualified, name)

    def _all_methods(self, owner: Class) -> set[str]:
        own = {name for name in owner.methods if not name.startswith("__")}
        return own.union(*(self._all_methods(base) for base in self._bases(owner)))

    def _bases(self, owner: Class) -> list[Class]:
        found = [self.find_class(ast.unparse(base), owner.module) for base in owner.bases]
        return [base for base in found if base]

    def field(self, qualified: str, name: str) -> Types:
        """Return the types of a field, annotated or assigned in `__init__`, or those of a property."""
        owner = self.class_of(qualified)
        if owner is None:
            return NOTHING
        found = self.named(owner.fields[name], owner.module) if name in owner.fields else NOTHING
        if name in owner.methods and owner.methods[name].returns is not None:
            found |= self.named(owner.methods[name].returns, owner.module)  # type: ignore[arg-type]
        begin = owner.methods.get("__init__")
        if begin:
            saved, self.env = self.env, self._parameters(begin, owner.module, owner)
            found |= _Scope(self, owner.module, owner).assigned(begin, name)
            self.env = saved
        for base in self._bases(owner):
            found |= self.field(base.qualified, name)
        return found


@dataclass
class _Scope:
    """The body of one function: the types of its expressions, the targets of its calls."""

    analysis: CallAnalysis
    module: Module
    owner: Class | None

    def bind(self, node: ast.FunctionDef) -> None:
        """Record the possible types of names, in any order of binding."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    self._bind(target, inner.value)
            elif isinstance(inner, ast.AnnAssign | ast.NamedExpr) and inner.value is not None:
                self._bind(inner.target, inner.value)
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                    self.analysis.env[inner.target.id] |= self.analysis.named(inner.annotation, self.module)
            elif isinstance(inner, ast.For | ast.comprehension):
                self._bind(inner.target, inner.iter)
            elif isinstance(inner, ast.withitem) and inner.optional_vars is not None:
                self._bind(inner.optional_vars, inner.context_expr)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.analysis.env[target.id] = self.analysis.env.get(target.id, NOTHING) | self.types(value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value] * len(target.elts)
            for part_target, part in zip(target.elts, parts, strict=False):
                self._bind(part_target, part)

    def assigned(self, begin: ast.FunctionDef, name: str) -> Types:
        """Return the types assigned to `self.<name>` in `__init__`."""
        found = NOTHING
        for inner in ast.walk(begin):
            if isinstance(inner, ast.Assign):
                for target, value in _pairs(inner.targets[0], inner.value):
                    if isinstance(target, ast.Attribute) and target.attr == name:
                        found |= self.types(value)
        return found

    def types(self, node: ast.expr | None) -> Types:
        """Return the possible types of an expression."""
        match node:
            case ast.Name(id=name):
                return self.analysis.env.get(name, NOTHING)
            case ast.Attribute(value=value, attr=name):
                return _union(self.analysis.field(type_name, name) for type_name in self.types(value))
            case ast.Call():
                return self._answer(node)
            case ast.BoolOp(values=values):
                return _union(map(self.types, values))
            case ast.IfExp(body=body, orelse=other):
                return self.types(body) | self.types(other)
            case ast.Subscript(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.types(value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return _union(map(self.types, parts))
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
                return self.types(element)
        return NOTHING

    def _answer(self, node: ast.Call) -> Types:
        text = ast.unparse(node.func)
        if text in ("client", "clients.client") and isinstance(node.args[0], ast.Constant):
            return frozenset({f"boto:{node.args[0].value!s}"})
        if text in WRAPPED:
            return frozenset({f"boto:{WRAPPED[text]}"})
        constructed_class = self.analysis.find_class(text, self.module)
        if constructed_class:
            return frozenset({constructed_class.qualified})
        function = self.analysis.find_function(text, self.module)
        if function:
            returns = function[0].returns
            return self.analysis.named(returns, function[1]) if returns is not None else NOTHING
        if isinstance(node.func, ast.Attribute):
            found = NOTHING
            for type_name in self.types(node.func.value):
                owner = self.analysis.class_of(type_name)
                method = owner.methods.get(node.func.attr) if owner else None
                if owner and method is not None and method.returns is not None:
                    found |= self.analysis.named(method.returns, owner.module)
            return found or _union(map(self.types, node.args))
        return _union(
            map(self.types, node.args)
        )  # list(), sorted(), islice() have the types of their arguments.

    def call(self, node: ast.Call) -> None:
        """Record a call of a service, or analyse the called function."""
        text = ast.unparse(node.func)
        constructed_class = self.analysis.find_class(text, self.module)
        if constructed_class and not constructed_class.is_port:
            self.analysis.constructed.add(constructed_class.qualified)
            for begin in ("__init__", "__post_init__"):
                if begin in constructed_class.methods:
                    self.analysis._enter(
                        constructed_class.methods[begin], constructed_class.module, constructed_class
                    )
        function = self.analysis.find_function(text, self.module)
        if function:
            self.analysis._enter(function[0], function[1], None)
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)

    def _method(self, node: ast.Call, function: ast.Attribute) -> None:
        for type_name in self.types(function.value):
            if type_name.startswith("boto:"):
                self._service(node, function.attr, type_name.removeprefix("boto:"))
            for method, owner in self.analysis.methods(type_name, function.attr):
                self.analysis._enter(method, owner.module, owner)
        paged = function.value
        if (
            function.attr == "paginate"
            and isinstance(paged, ast.Call)
            and isinstance(paged.func, ast.Attribute)
        ):
            for type_name in self.types(paged.func.value):
                [operation] = [arg.value for arg in paged.args if isinstance(arg, ast.Constant)]
                self._service(node, str(operation), type_name.removeprefix("boto:"))
        if self.owner and f"boto:{DYNAMIC}" in self.analysis.field(self.owner.qualified, f"_{DYNAMIC}"):
            named = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            if named and isinstance(named[0], str) and ast.unparse(function.value) == "self":
                self.analysis.calls.add(ServiceCall(DYNAMIC, named[0]))

    def _service(self, node: ast.Call, operation: str, service: str) -> None:
        if operation in ("get_paginator", "get_waiter", "exceptions", "transact_write_items"):
            return  # Recorded at `paginate`, and where the parts of a transaction are built.
        arguments = {key.arg: key.value for key in node.keywords}
        table, index = (
            arguments.get("TableName"),
            operation == "query" and ("IndexName" in arguments or None in arguments),
        )
        if isinstance(arguments.get("RequestItems"), ast.Dict):
            [table] = arguments["RequestItems"].keys  # type: ignore[attr-defined]
        if service != "dynamodb":
            if (service, operation) == ("ssm", "get"):
                operation = "get_parameter"
            version = "_version" if service == "s3" and "VersionId" in arguments else ""
            self.analysis.calls.add(ServiceCall(service, operation + version))
        elif table is not None:
            self.analysis.calls.add(self._table_call(operation + ("_index" if index else ""), table))

    def item(self, node: ast.Dict) -> None:
        """Record a dictionary that names a table: a part of a transaction, or the arguments of a call."""
        keys = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        if "TableName" in keys:
            kind = (
                "update_item"
                if "UpdateExpression" in keys
                else "put_item"
                if "Item" in keys
                else "condition_check_item"
            )
            self.analysis.calls.add(self._table_call(kind, keys["TableName"]))

    def _table_call(self, operation: str, table: ast.expr) -> ServiceCall:
        holder = self.owner.name if self.owner else self.module.name
        return ServiceCall("dynamodb", operation, holder, ast.unparse(table))

    def read(self, node: ast.Attribute) -> None:
        """Analyse a property that is read, or a method that is passed on."""
        for type_name in self.types(node.value):
            for method, owner in self.analysis.methods(type_name, node.attr):
                self.analysis._enter(method, owner.module, owner)


def _pairs(target: ast.expr, value: ast.expr) -> Iterable[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return zip(target.elts, value.elts, strict=True)
    return [(target, value)]


def _union(parts: Iterable[Types]) -> Types:
    return frozenset().union(*parts)
