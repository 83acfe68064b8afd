package lambdalab;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A function's handler, found by its string: {@code Class}, or {@code Class::method}. */
abstract class Handler {
    private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

    abstract byte[] call(byte[] event, Context context) throws Throwable;

    /** The handler. What is wrong with it is told to each invocation; what its class throws while it loads is thrown. */
    static Handler find(String name, ClassLoader loader) throws Failure {
        int at = name.lastIndexOf("::");
        String className = at < 0 ? name : name.substring(0, at);
        try {
            if (className.isEmpty()) throw Failure.saying("Invalid handler: `" + name + "'");
            Class<?> kind = loaded(className, loader);
            return at < 0 ? ofInterface(kind) : ofMethod(kind, name.substring(at + 2));
        } catch (Failure wrong) {
            return telling(wrong);
        } catch (InvocationTargetException failed) {
            throw Failure.saying(null, failed.getCause());
        } catch (LinkageError failed) {
            throw Failure.saying("Error loading class " + className, failed);
        } catch (ReflectiveOperationException failed) {
            return telling(Failure.saying(null, failed));
        }
    }

    private static Class<?> loaded(String name, ClassLoader loader) throws Failure {
        try {
            return Class.forName(name, true, loader);
        } catch (ClassNotFoundException | NoClassDefFoundError missing) {
            throw Failure.saying("Class not found: " + name, missing);
        }
    }

    private static Handler telling(Failure wrong) {
        return new Handler() {
            @Override
            byte[] call(byte[] event, Context context) throws Failure {
                throw wrong;
            }
        };
    }

    private static Handler ofInterface(Class<?> kind) throws ReflectiveOperationException, Failure {
        if (RequestStreamHandler.class.isAssignableFrom(kind)) {
            RequestStreamHandler handler = (RequestStreamHandler) instance(kind);
            return streaming(handler::handleRequest);
        }
        if (!RequestHandler.class.isAssignableFrom(kind)) {
            throw Failure.saying("Class does not implement an appropriate handler interface: " + kind.getName());
        }
        Type input = arguments(kind, RequestHandler.class, new HashMap<>())[0];
        @SuppressWarnings("unchecked")
        RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) instance(kind);
        return valued(input, handler::handleRequest);
    }

    private static Handler ofMethod(Class<?> kind, String name) throws ReflectiveOperationException, Failure {
        List<Method> found = new ArrayList<>();
        for (Method method : kind.getMethods()) if (method.getName().equals(name) && !method.isBridge()) found.add(method);
        // Of several, the one with the most parameters; of those, one whose last is the context.
        found.sort(Comparator.<Method>comparingInt(m -> m.getParameterCount()).thenComparing(m -> takesContext(m)).reversed());
        for (Method method : found) {
            Class<?>[] types = method.getParameterTypes();
            boolean context = takesContext(method);
            int others = types.length - (context ? 1 : 0);
            boolean reads = others >= 1 && types[0] == InputStream.class;
            boolean writes = others >= 1 && types[others - 1] == OutputStream.class;
            if (others == 2 && reads && writes || others == 1 && (reads || writes)) return streamMethod(kind, method, reads, writes, context);
            if (others <= 1) return valueMethod(kind, method, others == 1, context);
        }
        throw Failure.saying("No public method named " + name + " with appropriate method signature found on class " + kind.getName());
    }

    private static boolean takesContext(Method method) {
        int count = method.getParameterCount();
        return count > 0 && method.getParameterTypes()[count - 1] == Context.class;
    }

    private static Handler streamMethod(Class<?> kind, Method method, boolean reads, boolean writes, boolean context) throws ReflectiveOperationException, Failure {
        Object target = target(kind, method);
        return streaming((in, out, invoked) -> {
            List<Object> values = new ArrayList<>();
            if (reads) values.add(in);
            if (writes) values.add(out);
            if (context) values.add(invoked);
            invoke(method, target, values);
        });
    }

    private static Handler valueMethod(Class<?> kind, Method method, boolean reads, boolean context) throws ReflectiveOperationException, Failure {
        Object target = target(kind, method);
        Type input = reads ? method.getGenericParameterTypes()[0] : null;
        return valued(input, (value, invoked) -> {
            List<Object> values = new ArrayList<>();
            if (reads) values.add(value);
            if (context) values.add(invoked);
            return invoke(method, target, values);
        });
    }

    private static Object invoke(Method method, Object target, List<Object> values) throws Throwable {
        try {
            return method.invoke(target, values.toArray());
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private interface Streams {
        void handle(InputStream in, OutputStream out, Context context) throws Throwable;
    }

    private interface Values {
        Object handle(Object input, Context context) throws Throwable;
    }

    private static Handler streaming(Streams handler) {
        return new Handler() {
            @Override
            byte[] call(byte[] event, Context context) throws Throwable {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                handler.handle(new ByteArrayInputStream(event), out, context);
                return out.toByteArray();
            }
        };
    }

    private static Handler valued(Type input, Values handler) {
        return new Handler() {
            @Override
            byte[] call(byte[] event, Context context) throws Throwable {
                Object value = null;
                if (input != null) {
                    try {
                        value = Binder.read(Json.read(new String(event, StandardCharsets.UTF_8)), input);
                    } catch (Exception wrong) {
                        throw new RuntimeException("An error occurred during JSON parsing", wrong);
                    }
                }
                Object answer = handler.handle(value, context);
                try {
                    return answer == null ? NULL : Json.write(Binder.plain(answer)).getBytes(StandardCharsets.UTF_8);
                } catch (Exception | StackOverflowError wrong) {
                    throw new RuntimeException("An error occurred during JSON serialization of response", wrong);
                }
            }
        };
    }

    private static Object target(Class<?> kind, Method method) throws ReflectiveOperationException, Failure {
        return Modifier.isStatic(method.getModifiers()) ? null : instance(kind);
    }

    private static Object instance(Class<?> kind) throws ReflectiveOperationException, Failure {
        if (kind.getEnclosingClass() != null && !Modifier.isStatic(kind.getModifiers())) {
            throw fault("Class " + kind.getName() + " cannot be instantiated because it is a non-static inner class");
        }
        Constructor<?> constructor;
        try {
            constructor = kind.getConstructor();
        } catch (NoSuchMethodException none) {
            throw fault("Class " + kind.getName() + " has no public zero-argument constructor");
        }
        return constructor.newInstance();
    }

    private static Failure fault(String message) {
        return Failure.saying(message, new Exception(message));
    }

    /** What an interface's type parameters are for a class, through whatever lies between. */
    private static Type[] arguments(Class<?> kind, Class<?> wanted, Map<TypeVariable<?>, Type> known) {
        List<Type> above = new ArrayList<>(java.util.Arrays.asList(kind.getGenericInterfaces()));
        if (kind.getGenericSuperclass() != null) above.add(kind.getGenericSuperclass());
        for (Type one : above) {
            Class<?> raw = Binder.raw(one);
            if (!wanted.isAssignableFrom(raw)) continue;
            Map<TypeVariable<?>, Type> inner = new HashMap<>();
            if (one instanceof ParameterizedType) {
                Type[] given = ((ParameterizedType) one).getActualTypeArguments();
                for (int at = 0; at < given.length; at++) inner.put(raw.getTypeParameters()[at], known.getOrDefault(given[at], given[at]));
            }
            if (raw != wanted) return arguments(raw, wanted, inner);
            Type[] found = new Type[raw.getTypeParameters().length];
            for (int at = 0; at < found.length; at++) found[at] = inner.getOrDefault(raw.getTypeParameters()[at], Object.class);
            return found;
        }
        return new Type[] {Object.class, Object.class};
    }
}
