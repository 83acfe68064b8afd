package lambdalab;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Between JSON's values and a function's own types: classes with setters, getters or public fields, records, enums,
 * collections, arrays, dates. What a class does not know is ignored, as AWS's client does.
 */
final class Binder {
    private Binder() {}

    // -- reading

    static Object read(Object value, Type type) throws ReflectiveOperationException {
        Class<?> raw = raw(type);
        if (value == null) return raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0) : null;
        if (raw == Object.class) return value;
        if (raw == Optional.class) return Optional.ofNullable(read(value, argument(type, 0)));
        if (raw.isArray()) return array(value, component(type));
        if (Collection.class.isAssignableFrom(raw)) return collection(value, raw, argument(type, 0));
        if (Map.class.isAssignableFrom(raw)) return map(value, raw, type);
        Object simple = simple(value, box(raw));
        if (simple != null) return simple;
        if (value instanceof Map) return isRecord(raw) ? record((Map<?, ?>) value, raw) : bean((Map<?, ?>) value, raw);
        try {
            return raw.getConstructor(value.getClass()).newInstance(value);
        } catch (NoSuchMethodException none) {
            throw wrong(value, raw);
        }
    }

    private static Object simple(Object value, Class<?> raw) {
        if (raw.isInstance(value)) return value;
        if (raw == String.class || raw == CharSequence.class) {
            if (value instanceof Map || value instanceof List) throw wrong(value, raw);
            return value.toString();
        }
        if (raw.isEnum()) return constant(value, raw);
        if (raw == Boolean.class && value instanceof String) return Boolean.valueOf((String) value);
        if (raw == Character.class && value instanceof String && ((String) value).length() == 1) return ((String) value).charAt(0);
        if (Number.class.isAssignableFrom(raw) || raw == Date.class) return number(value, raw);
        if (raw == java.util.UUID.class && value instanceof String) return java.util.UUID.fromString((String) value);
        if (raw == java.time.Instant.class && value instanceof String) return java.time.Instant.parse((String) value);
        return null;
    }

    private static Object number(Object value, Class<?> raw) {
        if (raw == Date.class && value instanceof String && ((String) value).indexOf('T') > 0) {
            return Date.from(java.time.OffsetDateTime.parse((String) value).toInstant());
        }
        if (!(value instanceof Number || value instanceof String)) return null;
        BigDecimal exact;
        try {
            exact = new BigDecimal(value.toString().trim());
        } catch (NumberFormatException none) {
            return null;
        }
        if (raw == Integer.class) return exact.intValue();
        if (raw == Long.class) return exact.longValue();
        if (raw == Double.class) return exact.doubleValue();
        if (raw == Float.class) return exact.floatValue();
        if (raw == Short.class) return exact.shortValue();
        if (raw == Byte.class) return exact.byteValue();
        if (raw == BigInteger.class) return exact.toBigInteger();
        if (raw == Date.class) return new Date(exact.longValue());
        return raw.isInstance(exact) ? exact : null;
    }

    private static Object constant(Object value, Class<?> raw) {
        for (Object one : raw.getEnumConstants()) if (((Enum<?>) one).name().equals(value)) return one;
        throw wrong(value, raw);
    }

    private static Object array(Object value, Type component) throws ReflectiveOperationException {
        if (raw(component) == byte.class && value instanceof String) return java.util.Base64.getDecoder().decode((String) value);
        List<?> items = list(value, raw(component));
        Object made = Array.newInstance(raw(component), items.size());
        for (int at = 0; at < items.size(); at++) Array.set(made, at, read(items.get(at), component));
        return made;
    }

    private static Object collection(Object value, Class<?> raw, Type item) throws ReflectiveOperationException {
        Collection<Object> made = instance(raw, SortedSet.class.isAssignableFrom(raw) ? new TreeSet<>()
            : Set.class.isAssignableFrom(raw) ? new LinkedHashSet<>() : new ArrayList<>());
        for (Object one : list(value, raw)) made.add(read(one, item));
        return made;
    }

    private static Object map(Object value, Class<?> raw, Type type) throws ReflectiveOperationException {
        if (!(value instanceof Map)) throw wrong(value, raw);
        Map<Object, Object> made = instance(raw, SortedMap.class.isAssignableFrom(raw) ? new TreeMap<>() : new LinkedHashMap<>());
        for (Map.Entry<?, ?> one : ((Map<?, ?>) value).entrySet()) {
            made.put(read(one.getKey(), argument(type, 0)), read(one.getValue(), argument(type, 1)));
        }
        return made;
    }

    private static Object bean(Map<?, ?> members, Class<?> raw) throws ReflectiveOperationException {
        Object made;
        try {
            Constructor<?> constructor = raw.getDeclaredConstructor();
            constructor.setAccessible(true);
            made = constructor.newInstance();
        } catch (NoSuchMethodException none) {
            throw new IllegalArgumentException("Cannot construct instance of `" + raw.getName() + "`: it has no constructor without parameters");
        }
        for (Method setter : raw.getMethods()) {
            String name = property(setter.getName(), "set");
            if (name == null || setter.getParameterCount() != 1 || !members.containsKey(name) || setter.isBridge()) continue;
            setter.setAccessible(true);
            setter.invoke(made, read(members.get(name), setter.getGenericParameterTypes()[0]));
        }
        for (Field field : raw.getFields()) {
            boolean open = !Modifier.isStatic(field.getModifiers()) && !Modifier.isFinal(field.getModifiers());
            if (open && members.containsKey(field.getName())) field.set(made, read(members.get(field.getName()), field.getGenericType()));
        }
        return made;
    }

    private static Object record(Map<?, ?> members, Class<?> raw) throws ReflectiveOperationException {
        Field[] parts = parts(raw);
        Class<?>[] types = new Class<?>[parts.length];
        Object[] values = new Object[parts.length];
        for (int at = 0; at < parts.length; at++) {
            types[at] = parts[at].getType();
            values[at] = read(members.get(parts[at].getName()), parts[at].getGenericType());
        }
        Constructor<?> constructor = raw.getDeclaredConstructor(types);
        constructor.setAccessible(true);
        return constructor.newInstance(values);
    }

    // -- writing

    /** The value as JSON's: maps, lists, texts, numbers, booleans, null. Members that are null are left out, as by AWS's. */
    static Object plain(Object value) throws ReflectiveOperationException {
        if (value == null || value instanceof String || value instanceof Number || value instanceof Boolean) return value;
        if (value instanceof Map) return members((Map<?, ?>) value);
        if (value instanceof Iterable) return items((Iterable<?>) value);
        if (value instanceof byte[]) return java.util.Base64.getEncoder().encodeToString((byte[]) value);
        if (value.getClass().isArray()) return elements(value);
        if (value instanceof Optional) return plain(((Optional<?>) value).orElse(null));
        if (value instanceof Enum) return ((Enum<?>) value).name();
        if (value instanceof Date) return ((Date) value).getTime();
        if (value.getClass() != Object.class && value.getClass().getName().startsWith("java.")) return value.toString();
        return isRecord(value.getClass()) ? components(value) : properties(value);
    }

    private static Object members(Map<?, ?> value) throws ReflectiveOperationException {
        Map<String, Object> found = new LinkedHashMap<>();
        for (Map.Entry<?, ?> one : value.entrySet()) {
            if (one.getValue() != null) found.put(String.valueOf(one.getKey()), plain(one.getValue()));
        }
        return found;
    }

    private static Object items(Iterable<?> value) throws ReflectiveOperationException {
        List<Object> found = new ArrayList<>();
        for (Object one : value) found.add(plain(one));
        return found;
    }

    private static Object elements(Object value) throws ReflectiveOperationException {
        List<Object> found = new ArrayList<>();
        for (int at = 0; at < Array.getLength(value); at++) found.add(plain(Array.get(value, at)));
        return found;
    }

    private static Object components(Object value) throws ReflectiveOperationException {
        Map<String, Object> found = new LinkedHashMap<>();
        for (Field part : parts(value.getClass())) {
            Method accessor = value.getClass().getDeclaredMethod(part.getName());
            accessor.setAccessible(true);
            found.put(part.getName(), plain(accessor.invoke(value)));
        }
        found.values().removeIf(java.util.Objects::isNull);
        return found;
    }

    private static Object properties(Object value) throws ReflectiveOperationException {
        Map<String, Object> found = new LinkedHashMap<>();
        Map<String, Method> getters = new java.util.HashMap<>();
        for (Method method : value.getClass().getMethods()) {
            boolean asks = method.getReturnType() == boolean.class;
            String name = property(method.getName(), "get");
            if (name == null && asks) name = property(method.getName(), "is");
            boolean fits = method.getParameterCount() == 0 && !Modifier.isStatic(method.getModifiers()) && method.getDeclaringClass() != Object.class;
            if (name != null && fits && !method.isBridge()) getters.put(name, method);
        }
        // Reflection knows methods in no order: a class's own fields give one.
        for (Class<?> kind = value.getClass(); kind != Object.class; kind = kind.getSuperclass()) {
            for (Field field : kind.getDeclaredFields()) {
                if (getters.containsKey(field.getName())) found.put(field.getName(), asked(value, getters.remove(field.getName())));
                else if (Modifier.isPublic(field.getModifiers()) && !Modifier.isStatic(field.getModifiers())) found.put(field.getName(), plain(field.get(value)));
            }
        }
        for (Map.Entry<String, Method> one : new TreeMap<>(getters).entrySet()) found.put(one.getKey(), asked(value, one.getValue()));
        found.values().removeIf(java.util.Objects::isNull);
        return found;
    }

    private static Object asked(Object value, Method getter) throws ReflectiveOperationException {
        getter.setAccessible(true);
        try {
            return plain(getter.invoke(value));
        } catch (InvocationTargetException failed) {
            throw new IllegalStateException(getter + " failed while the answer was written", failed.getCause());
        }
    }

    // -- types

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return raw(((ParameterizedType) type).getRawType());
        if (type instanceof GenericArrayType) return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
        if (type instanceof WildcardType) return raw(((WildcardType) type).getUpperBounds()[0]);
        return raw(((TypeVariable<?>) type).getBounds()[0]);
    }

    private static Type argument(Type type, int number) {
        if (!(type instanceof ParameterizedType)) return Object.class;
        Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
        return number < arguments.length ? arguments[number] : Object.class;
    }

    private static Type component(Type type) {
        return type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : raw(type).getComponentType();
    }

    @SuppressWarnings("unchecked")
    private static <T> T instance(Class<?> raw, T usual) throws ReflectiveOperationException {
        if (raw.isInstance(usual)) return usual;
        return (T) raw.getConstructor().newInstance();
    }

    private static List<?> list(Object value, Class<?> raw) {
        if (!(value instanceof List)) throw wrong(value, raw);
        return (List<?>) value;
    }

    private static Class<?> box(Class<?> raw) {
        return raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0).getClass() : raw;
    }

    private static boolean isRecord(Class<?> raw) {
        return raw.getSuperclass() != null && raw.getSuperclass().getName().equals("java.lang.Record");
    }

    /** A record's own fields, in the order of its components. */
    private static Field[] parts(Class<?> raw) {
        List<Field> found = new ArrayList<>();
        for (Field field : raw.getDeclaredFields()) if (!Modifier.isStatic(field.getModifiers())) found.add(field);
        return found.toArray(new Field[0]);
    }

    private static String property(String method, String prefix) {
        if (!method.startsWith(prefix) || method.length() == prefix.length()) return null;
        char first = method.charAt(prefix.length());
        return Character.isUpperCase(first) ? Character.toLowerCase(first) + method.substring(prefix.length() + 1) : null;
    }

    private static IllegalArgumentException wrong(Object value, Class<?> raw) {
        return new IllegalArgumentException("Cannot deserialize value of type `" + raw.getName() + "` from " + Json.write(value));
    }
}
