export default () => 7;
